import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { compilePreload } from "../preload.ts";
import { missingTools } from "../tools.ts";
import { Injector } from "./injector.ts";

/** What a laboratory needs, as far as it is missing: for the title of a test, and to skip it. */
export const missing = missingTools("linux", "cc");
const INJECT = join(import.meta.dirname, "../native/inject.c");
/** Two cores are the least that the battery runs on; a third process fills the pauses of the others. */
const PROCESSES_AT_ONCE = 3;

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

/** A laboratory for the tests of one file, open while they run. */
export function laboratoryOfTests(): Laboratory {
  const laboratory = new Laboratory();
  beforeAll(async () => {
    if (!missing) await laboratory.open();
  });
  afterAll(() => laboratory.close());
  return laboratory;
}

/** A temporary directory, and programs that run under native/inject.c in it. */
export class Laboratory {
  readonly directory = mkdtempSync(join(tmpdir(), "sluice-faults-"));
  #library = "";
  #rooms = 0;

  async open(): Promise<void> {
    this.#library = await compilePreload(INJECT);
  }

  /** A new room for one run. */
  room(): Room {
    const directory = join(this.directory, `${++this.#rooms}`);
    mkdirSync(directory);
    return new Room(directory);
  }

  /** Runs a program, given by its path, to its end. Its one argument is a word of JSON. */
  run(program: string, argument: unknown, injector: Injector, log?: string): Promise<ProgramEnd> {
    const words = ["--conditions=sluice-source", program, JSON.stringify(argument)];
    const child = spawn(process.execPath, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        ...injector.environment(this.#library, log),
        // The second of them starts twice as fast.
        NODE_COMPILE_CACHE: join(this.directory, "compiled"),
        // vitest's own are not for them.
        NODE_OPTIONS: "",
      },
    });
    const said = { output: "", errors: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said.output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said.errors += text));
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve({ code, signal, ...said }));
    });
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
    if (this.#library !== "") rmSync(dirname(this.#library), { recursive: true, force: true });
  }
}

/** What one run works with: a data dir, an oracle beside it, and a control file for the faults. */
export class Room {
  readonly directory: string;
  readonly dataDir: string;
  readonly oracle: string;
  readonly injector: Injector;

  constructor(directory: string) {
    this.directory = directory;
    this.dataDir = join(directory, "data");
    this.oracle = join(directory, "oracle");
    this.injector = new Injector(join(directory, "control"));
  }

  /** Begins with what another run has left. */
  copy(other: Room): void {
    cpSync(other.dataDir, this.dataDir, { recursive: true });
    cpSync(other.oracle, this.oracle);
  }

  close(): void {
    this.injector.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Does it for each of them, a few at a time. */
export async function forEach<Item>(
  items: readonly Item[],
  action: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const work = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await action(item);
  };
  await Promise.all(Array.from({ length: PROCESSES_AT_ONCE }, work));
}

/** So many of them, drawn evenly over all. */
export function sampled<Item>(items: readonly Item[], count: number, fraction: () => number): Item[] {
  if (items.length <= count) return [...items];
  const width = items.length / count;
  return Array.from({ length: count }, (_, index) => items[Math.floor((index + fraction()) * width)]).filter(
    (item) => item !== undefined,
  );
}
