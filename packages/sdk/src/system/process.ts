import { hostname } from "node:os";

/**
 * What a process says of itself, where others have to name it. Passed in like the clock, so that a test can
 * be somebody else.
 */
export interface ThisProcess {
  readonly pid: number;
  readonly hostName: string;
}

export const systemProcess: ThisProcess = { pid: process.pid, hostName: hostname() };
