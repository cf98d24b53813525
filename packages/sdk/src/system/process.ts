import { hostname } from "node:os";
import type { Timer } from "./clock.ts";

/**
 * What a process says of itself, where others have to name it. Passed in like the clock, so that a test can
 * be somebody else.
 */
export interface ThisProcess {
  readonly pid: number;
  readonly hostName: string;
}

export const systemProcess: ThisProcess = { pid: process.pid, hostName: hostname() };

const exitActions = new Set<() => unknown>();
let isListening = false;

/**
 * Calls `action` each time the process has nothing left to do, until cancelled. What it begins keeps the
 * process alive until it is done. Not called before process.exit, nor for a signal.
 */
export function beforeExit(action: () => unknown): Timer {
  exitActions.add(action);
  // One listener for all, because Node warns of a leak when there are eleven.
  if (!isListening) {
    process.on("beforeExit", () => {
      for (const each of exitActions) each();
    });
  }
  isListening = true;
  return { cancel: () => void exitActions.delete(action) };
}
