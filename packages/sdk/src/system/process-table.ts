import * as fs from "node:fs";
import { codeOf } from "./disk.ts";
import { systemProcess } from "./process.ts";

/**
 * Who a process is, so that another can find out later whether it still lives. A pid alone does not say: the
 * kernel gives it to somebody else, and in another container it means somebody else from the start.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly hostName: string;
  /** When it started, in the kernel's own ticks. Absent where there is no /proc. */
  readonly startedAt?: string;
  /** This run of the machine's kernel. */
  readonly bootId?: string;
  /** Whose pids these are: processes see each other only within one. */
  readonly pidNamespace?: string;
}

export interface ProcessTable {
  readonly self: ProcessIdentity;
  /** Reads at most one file of /proc. Never throws: what cannot be known is "unknown". */
  stateOf(identity: ProcessIdentity): "alive" | "dead" | "unknown";
}

export const systemProcessTable: ProcessTable = {
  get self() {
    ownIdentity ??= readOwnIdentity();
    return ownIdentity;
  },
  stateOf(identity) {
    const { self } = this;
    if (identity.bootId !== self.bootId) {
      // The same machine after a restart; or another one, whose processes nobody here can see.
      return identity.hostName === self.hostName ? "dead" : "unknown";
    }
    if (identity.pidNamespace !== self.pidNamespace) return "unknown";
    // Where kernels have no boot id, only the host's name tells one machine's pids from another's.
    if (identity.hostName !== self.hostName && self.bootId === undefined) return "unknown";
    if (identity.startedAt === undefined) return hasProcess(identity.pid);
    const startedAt = startOf(identity.pid);
    return startedAt === identity.startedAt ? "alive" : "dead";
  },
};

/** Who has this pid now, on this machine. */
export function processOf(pid: number): ProcessIdentity {
  const { startedAt: _, ...here } = systemProcessTable.self;
  const startedAt = startOf(pid);
  return { ...here, pid, ...(startedAt !== undefined && { startedAt }) };
}

let ownIdentity: ProcessIdentity | undefined;

function readOwnIdentity(): ProcessIdentity {
  const startedAt = startOf("self");
  const bootId = textOf("/proc/sys/kernel/random/boot_id");
  const pidNamespace = linkOf("/proc/self/ns/pid");
  return {
    ...systemProcess,
    ...(startedAt !== undefined && { startedAt }),
    ...(bootId !== undefined && { bootId }),
    ...(pidNamespace !== undefined && { pidNamespace }),
  };
}

/** Without a start time a pid that was given to somebody else looks alive, and so it may be. */
function hasProcess(pid: number): "dead" | "unknown" {
  try {
    process.kill(pid, 0);
    return "unknown";
  } catch (error) {
    return codeOf(error) === "ESRCH" ? "dead" : "unknown";
  }
}

/** Field 22 of stat; the second is the program's name in brackets and may contain anything. */
function startOf(pid: number | "self"): string | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  // A process that has ended and was not yet waited for writes no more.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields?.[0] === "Z" || fields?.[0] === "X" ? undefined : fields?.[19];
}

function textOf(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "latin1").trim();
  } catch {
    // Not Linux, or no such process.
    return undefined;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return fs.readlinkSync(path);
  } catch {
    // Not Linux.
    return undefined;
  }
}
