import { appendFileSync } from "node:fs";
import { relative } from "node:path";
import { expect } from "vitest";

/** A figure that a test has reached, for the report of `npm run chaos`. */
export interface Figure {
  /** The promise that it speaks for: P1 … of docs/spec/guarantees.md. */
  readonly promise: string;
  /** What was counted or measured, as the report says it: "SIGKILLs under load, acknowledged events lost". */
  readonly what: string;
  readonly reached: string | number;
  /** What the promise asks for. */
  readonly goal: string;
  /** The test's, from this folder. */
  readonly file: string;
}

/** Notes a figure, after its assertion has held. Without a report under way it is only printed. */
export function figure(promise: string, what: string, reached: string | number, goal: string): void {
  const file = relative(import.meta.dirname, expect.getState().testPath ?? "");
  const line: Figure = { promise, what, reached, goal, file };
  console.log(`${promise} ${what}: ${reached} (${goal})`);
  const path = process.env["SLUICE_FIGURES"];
  if (path) appendFileSync(path, `${JSON.stringify(line)}\n`);
}
