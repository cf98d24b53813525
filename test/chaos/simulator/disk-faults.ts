import type { Chance } from "./chance.ts";

export type DiskOperation =
  | "open"
  | "list"
  | "rename"
  | "remove"
  | "write"
  | "read"
  | "sync"
  | "truncate"
  | "freeBytes";

export interface DiskFault {
  readonly operation: DiskOperation;
  readonly code: "EIO" | "ENOSPC";
  /** "short": a write takes a part and says so. "hang": the call takes its time, and then succeeds. */
  readonly form: "error" | "short" | "hang";
  /** Of the calls that could fail, how many do. */
  readonly share: number;
  readonly untilMs: number;
  /** How many calls it strikes at the most. */
  left: number;
}

const OPERATIONS = {
  write: 6,
  sync: 6,
  read: 3,
  rename: 2,
  open: 2,
  truncate: 1,
  remove: 1,
  list: 1,
  freeBytes: 1,
} satisfies Record<DiskOperation, number>;

/** What is wrong with the disk at the moment: nothing most of the time, and sometimes several things. */
export class DiskFaults {
  #faults: DiskFault[] = [];

  get isAny(): boolean {
    return this.#faults.length > 0;
  }

  heal(): void {
    this.#faults = [];
  }

  add(chance: Chance, nowMs: number): DiskFault {
    const operation = chance.weighed(OPERATIONS);
    const isLasting = chance.happens(0.3);
    const fault: DiskFault = {
      operation,
      code: operation === "write" && chance.happens(0.5) ? "ENOSPC" : "EIO",
      form: formOf(operation, chance),
      share: isLasting ? chance.oneOf([1, 0.5, 0.1]) : 1,
      untilMs: isLasting ? nowMs + chance.spread(10, 60_000) : Number.POSITIVE_INFINITY,
      left: isLasting ? Number.POSITIVE_INFINITY : chance.whole(1, 3),
    };
    this.#faults.push(fault);
    return fault;
  }

  /** What strikes this call. */
  strike(operation: DiskOperation, chance: Chance, nowMs: number): DiskFault | undefined {
    if (this.#faults.length === 0) return undefined;
    this.#faults = this.#faults.filter(({ untilMs, left }) => untilMs > nowMs && left > 0);
    const fault = this.#faults.find((one) => one.operation === operation && chance.happens(one.share));
    if (fault) fault.left--;
    return fault;
  }
}

function formOf(operation: DiskOperation, chance: Chance): DiskFault["form"] {
  if (operation === "write") return chance.happens(0.4) ? "short" : "error";
  return chance.happens(0.15) ? "hang" : "error";
}
