import { AsyncLocalStorage } from "node:async_hooks";
import type { ActiveRun } from "./active-run.ts";

/** Which run the code at hand belongs to, across every await and callback. */
const runs = new AsyncLocalStorage<ActiveRun>();

/** The innermost run that `withRun` has opened around this code; undefined outside of any. Never throws. */
export function currentRun(): ActiveRun | undefined {
  return runs.getStore();
}

/** Calls `action` so that it, and whatever it starts, finds `run` as the current one. */
export function runInside<Result>(run: ActiveRun, action: () => Result): Result {
  return runs.run(run, action);
}
