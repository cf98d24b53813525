import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { House } from "../../e2e/daemon.ts";

/** What the kernel says about a daemon's memory. Linux only. */
export interface MemoryWatch {
  readonly pid: number;
  /** Resident now, in MiB. */
  readonly residentMib: number;
  /** The most that was resident since the start or the last `forget`, in MiB. */
  readonly peakMib: number;
  forget(): void;
}

export function watchMemory(house: House): MemoryWatch {
  const { pid } = house;
  const mibOf = (line: string) => {
    const found = new RegExp(`^${line}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Math.round(Number(found?.[1]) / 1024);
  };
  return {
    pid,
    get residentMib() {
      return mibOf("VmRSS");
    },
    get peakMib() {
      return mibOf("VmHWM");
    },
    forget: () => writeFileSync(`/proc/${pid}/clear_refs`, "5"),
  };
}

const MEMORY_GROUPS = "/sys/fs/cgroup/memory";

/** Why no memory limit can be set here, as a part of a test's name; "" if one can. */
export function missingMemoryGroups(): string {
  const isThere = existsSync(join(MEMORY_GROUPS, "memory.limit_in_bytes")) && process.geteuid?.() === 0;
  return isThere ? "" : " [needs root and the memory controller of cgroup v1]";
}

/** Puts a process under a memory limit, page cache included. */
export function limitMemory(pid: number, bytes: number): { readonly kills: number; close(): void } {
  const group = join(MEMORY_GROUPS, `sluice-test-${pid}`);
  mkdirSync(group);
  writeFileSync(join(group, "memory.limit_in_bytes"), String(bytes));
  writeFileSync(join(group, "cgroup.procs"), String(pid));
  return {
    get kills() {
      const text = readFileSync(join(group, "memory.oom_control"), "utf8");
      return Number(/^oom_kill (\d+)/m.exec(text)?.[1]);
    },
    /** Only when the process is gone. */
    close: () => rmdirSync(group),
  };
}
