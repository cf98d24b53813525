import { closeSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { constants } from "node:os";

/** The calls that can go wrong, in the order of native/inject.c; each stands for all of its kind. */
export const CALLS = [
  "write",
  "sync",
  "rename",
  "unlink",
  "open",
  "truncate",
  "mkdir",
  "read",
  "statfs",
] as const;
const MODES = ["none", "fail", "kill-before", "kill-after", "torn", "short", "delay"];

export type Call = (typeof CALLS)[number];
export type Errno = keyof typeof constants.errno;

/** What becomes of a call. */
type Mishap =
  | { readonly fail: Errno }
  /** The process ends right before or right after it. */
  | { readonly kill: "before" | "after" }
  /** Those eighths of a write are made whose bit is set, and the process ends. */
  | { readonly torn: number }
  /** So many bytes are written and reported; further calls find no space. */
  | { readonly short: number }
  | { readonly delayMs: number };

export interface Injection {
  /** What the path of a file must hold. */
  readonly path: string;
  readonly call?: Call;
  /** The first matching call that goes wrong, from 1. Without it they are only counted. */
  readonly at?: number;
  /** How many go wrong; without it all from then on, until `end`. */
  readonly times?: number;
  readonly mishap?: Mishap;
  /** Syncs are counted and not made: a process that is killed loses nothing by that. */
  readonly skipsSyncs?: boolean;
}

const WORDS = 24;
const HITS_AT = 7;
const COUNTS_AT = 8;
const PATH_BYTES = 512;

/** The control file of native/inject.c, for the test outside the process or for a program inside it. */
export class Injector {
  readonly path: string;
  readonly #descriptor: number;

  constructor(path: string) {
    this.path = path;
    closeSync(openSync(path, "a", 0o600)); // Makes it, and does not empty it.
    this.#descriptor = openSync(path, "r+");
    ftruncateSync(this.#descriptor, WORDS * 8 + PATH_BYTES); // It is mapped, and an empty file cannot be.
  }

  /** Begins to count anew, too. */
  set({ path, call, at = 0, times = 0, mishap, skipsSyncs = false }: Injection): void {
    const [mode, argument] = wordsOf(mishap);
    const bytes = Buffer.alloc(WORDS * 8 + PATH_BYTES);
    const operation = call === undefined ? -1 : CALLS.indexOf(call);
    const words = [1, operation, at, times, MODES.indexOf(mode), argument, skipsSyncs ? 1 : 0];
    for (const [index, word] of words.entries()) bytes.writeBigInt64LE(BigInt(word), index * 8);
    bytes.write(path, WORDS * 8);
    writeSync(this.#descriptor, bytes, 0, bytes.length, 0);
  }

  /** From now on every call succeeds. */
  end(): void {
    writeSync(this.#descriptor, Buffer.alloc(8), 0, 8, 0);
  }

  /** How many calls have gone wrong. */
  get hits(): number {
    return this.#word(HITS_AT);
  }

  /** How many matching calls there were. */
  count(call: Call): number {
    return this.#word(COUNTS_AT + CALLS.indexOf(call));
  }

  /** For a process that is to run under it. */
  environment(library: string, log?: string): Record<string, string> {
    return {
      LD_PRELOAD: library,
      UV_USE_IO_URING: "0",
      SLUICE_INJECT_CONTROL: this.path,
      ...(log !== undefined && { SLUICE_INJECT_LOG: log }),
    };
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #word(index: number): number {
    const bytes = Buffer.alloc(8);
    readSync(this.#descriptor, bytes, 0, 8, index * 8);
    return Number(bytes.readBigInt64LE());
  }
}

function wordsOf(mishap: Mishap | undefined): readonly [mode: string, argument: number] {
  if (!mishap) return ["none", 0];
  if ("fail" in mishap) return ["fail", constants.errno[mishap.fail]];
  if ("kill" in mishap) return [`kill-${mishap.kill}`, 0];
  if ("torn" in mishap) return ["torn", mishap.torn];
  if ("short" in mishap) return ["short", mishap.short];
  return ["delay", mishap.delayMs];
}
