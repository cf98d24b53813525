import type { Emitter } from "../emit/emitter.ts";
import type { ActiveRun, RunOptions } from "./active-run.ts";
import { runInside } from "./context.ts";
import { openRun } from "./emitting-run.ts";
import { thisMachine } from "./machine.ts";
import { isAbort } from "./run-error.ts";

/**
 * Starts a run and emits its `run.started`. What is given is copied: it may be changed afterwards. Never
 * throws; an id or a parent that is none is left out.
 */
export function startRun(emitter: Emitter, options: RunOptions): ActiveRun {
  return openRun(emitter, options, thisMachine);
}

/**
 * Runs `action` inside a run: what it starts finds this run as its parent. The run ends as `action` does, ok,
 * error, or cancelled for an abort, unless it has ended the run itself; its result or error is passed on
 * untouched.
 */
export async function withRun<Result>(
  emitter: Emitter,
  options: RunOptions,
  action: (run: ActiveRun) => Result | Promise<Result>,
): Promise<Result> {
  const run = startRun(emitter, options);
  try {
    const result = await runInside(run, () => action(run));
    if (!run.isEnded) run.end();
    return result;
  } catch (thrown) {
    if (!run.isEnded && isAbort(thrown)) run.cancel("aborted");
    else if (!run.isEnded) run.fail(thrown);
    throw thrown;
  }
}
