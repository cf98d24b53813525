import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import type { Row } from "./rows.ts";
import { ID_PREFIX, KEY } from "./stores.ts";
import type { Account, Client } from "./trial.ts";

/** Each has clients of others, a lockfile of its own, and a program for each client. */
export const PROJECTS = ["hostile", "hostile-otlp"];
/** Of an event, once; programs send it as what was asked and as what was answered. */
export const TEXT = "How events are kept while the backend is away. ".repeat(6);
/** A client that has not ended by then waits for what will not come. */
const PATIENCE_MS = 60_000;

interface ForeignClient extends Omit<Client, "run" | "installed"> {
  /** From test/projects. */
  readonly program: string;
  /** Whose versions the page tells. */
  readonly packages: readonly string[];
}

/** A client that is a program of one of `PROJECTS`: it lives in a process of its own, and ends with it. */
export function programClient({ program, packages, ...traits }: ForeignClient): Client {
  const path = join(import.meta.dirname, "../projects", program);
  const versionOf = (name: string): string => {
    const manifest = join(dirname(path), "node_modules", name, "package.json");
    return `${name} ${JSON.parse(readFileSync(manifest, "utf8")).version}`;
  };
  return {
    ...traits,
    installed: () => packages.map(versionOf).join(", "),
    run: (row, url) => runProgram(path, row, url),
  };
}

/** What it says counts, wherever it says it; what is left in its memory does not. */
async function runProgram(path: string, row: Row, url: string): Promise<Account> {
  const { events, burst, pauseMs } = row;
  const job = JSON.stringify({ url, key: KEY, events, burst, pauseMs, idPrefix: ID_PREFIX, text: TEXT });
  const child = spawn(process.execPath, [path], {
    env: { PATH: process.env["PATH"], HOME: tmpdir(), NODE_NO_WARNINGS: "1", HOSTILE_JOB: job },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const said = Promise.all([1, 2, 3].map((descriptor) => read(child, descriptor)));
  await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  const [stdout = "", stderr = "", status = ""] = await said;
  const words = [...linesOf(stderr), ...linesOf(stdout)];
  if (child.signalCode !== null) words.push(`did not end within ${PATIENCE_MS / 1000} s`);
  return { words, held: 0, setAside: 0, peakBytes: peakOf(status) };
}

/** The most memory that a process ever had, from what Linux says of it. */
export function peakOf(status: string): number | undefined {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

async function read(child: ChildProcess, descriptor: number): Promise<string> {
  const stream = child.stdio[descriptor];
  return stream && "read" in stream ? textOf(stream) : "";
}

function linesOf(written: string): readonly string[] {
  return written.split("\n").filter((line) => line.trim() !== "");
}
