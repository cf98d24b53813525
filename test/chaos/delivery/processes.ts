import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Linux only: a process that is there and does more than wait to be looked at by its parent. */
export function isRunning(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state !== "Z";
}

/** Zombies whose parent this process is, or was. */
export function isZombie(pid: number): boolean {
  return stateOf(pid) === "Z";
}

/** Processes whose working directory lies below this one, as that of a detached daemon does. */
export function processesBelow(path: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => directoryOf(pid).startsWith(path));
}

/** Of a process that detached: its own number. */
export function sessionOf(pid: number): number {
  return Number(statOf(pid)?.[3]);
}

/** User and system time that it has taken so far, in steps of 10 ms. */
export function cpuMsOf(pid: number): number {
  const fields = statOf(pid) ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function stateOf(pid: number): string | undefined {
  return statOf(pid)?.[0];
}

/** What follows the name in /proc/PID/stat: state, parent, group, session, … */
function statOf(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ");
  } catch {
    return undefined; // It is gone.
  }
}

function directoryOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return ""; // Gone, a zombie, or another user's.
  }
}
