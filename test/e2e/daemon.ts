import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "@sluice/sdk";
import { PROCESS_ENVIRONMENT, PROCESS_FLAGS } from "../../packages/sluice/src/daemon/process-settings.ts";

export const ROOT = join(import.meta.dirname, "../..");
const CLI = join(ROOT, "packages/sluice/src/cli/main.ts");

/**
 * For every program that a test starts from the sources: half of such a start is compiling them, and the
 * first one that ends in peace saves that for the others. Node looks whether a source is still the same.
 */
export const COMPILED = { NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/sluice-programs") } as const;

/** All that a program of ours gets of this machine's environment. */
export const ENVIRONMENT = { ...PROCESS_ENVIRONMENT, ...COMPILED, PATH: process.env["PATH"], HOME: tmpdir() };

export interface CommandResult {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One sink's line in `sluice status --json`, as far as the tests look. */
interface SinkLine {
  readonly name: string;
  readonly state: string;
  readonly lag: number;
  readonly balance: Balance;
}

interface Balance {
  readonly accepted: number;
  readonly pending: number;
  readonly delivered: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly deadLettered: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** A place for daemons: a data directory, a configuration, and the real command line as child processes. */
export class House {
  readonly path = mkdtempSync(join(tmpdir(), "sluice-e2e-"));
  readonly dataDir = join(this.path, "data");
  readonly config = join(this.path, "sluice.toml");
  #daemon: ChildProcess | undefined;
  readonly #watching: ChildProcess[] = [];
  #url = "";
  #log = "";

  /** What the daemons of this house have written to stderr: their log. */
  get log(): string {
    return this.#log;
  }

  get pid(): number {
    const pid = this.#daemon?.pid;
    if (pid === undefined) throw new Error("no daemon runs");
    return pid;
  }

  get url(): string {
    return this.#url;
  }

  configure(toml: string): void {
    writeFileSync(this.config, toml);
  }

  /** Starts a daemon and resolves to its URL when it is ready. */
  async start(environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const daemon = spawnCli(
      ["start", "--config", this.config, "--data-dir", this.dataDir, "--listen", "127.0.0.1:0"],
      { ...environment },
    );
    this.#daemon = daemon;
    daemon.stderr?.on("data", (chunk) => {
      this.#log += chunk;
    });
    this.#url = await firstLine(daemon);
    return this.#url;
  }

  /** Whoever reads what the daemon says leaves. */
  leave(): void {
    this.#daemon?.stdout?.destroy();
    this.#daemon?.stderr?.destroy();
  }

  /** A signal, and wait until the process is gone. Its exit code; null if a signal has ended it. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
    const daemon = this.#daemon;
    if (!daemon) return null;
    const gone = exited(daemon);
    daemon.kill(signal);
    await gone;
    this.#daemon = undefined;
    return daemon.exitCode;
  }

  /** Waits until the daemon is gone by itself; resolves to its exit code or signal. */
  async ended(): Promise<number | string | null> {
    const daemon = this.#daemon;
    if (!daemon) throw new Error("no daemon was started");
    await exited(daemon);
    this.#daemon = undefined;
    return daemon.exitCode ?? daemon.signalCode;
  }

  run(...words: readonly string[]): Promise<CommandResult> {
    return runCli([...words, "--data-dir", this.dataDir]);
  }

  /** A command that goes on, as `tail`: what it has printed, whenever it is asked. `close` ends it. */
  watch(...words: readonly string[]): () => string {
    const child = spawnCli([...words, "--data-dir", this.dataDir], {});
    this.#watching.push(child);
    let text = "";
    for (const output of [child.stdout, child.stderr]) {
      output?.on("data", (chunk) => {
        text += chunk;
      });
    }
    return () => text;
  }

  async stop(): Promise<CommandResult> {
    const gone = this.#daemon && exited(this.#daemon);
    const result = await this.run("stop");
    await gone;
    this.#daemon = undefined;
    return result;
  }

  async sinks(): Promise<readonly SinkLine[]> {
    const { stdout } = await this.run("status", "--json");
    return JSON.parse(stdout).sinks;
  }

  async sink(name: string): Promise<SinkLine> {
    const found = (await this.sinks()).find((sink) => sink.name === name);
    if (!found) throw new Error(`there is no sink ${name}`);
    return found;
  }

  /** What a file sink has written: whole lines only. */
  lines(file = "events.jsonl"): readonly Event[] {
    const text = existsSync(join(this.dataDir, file)) ? readFileSync(join(this.dataDir, file), "utf8") : "";
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  async close(): Promise<void> {
    for (const child of this.#watching.splice(0)) {
      child.kill();
      await exited(child);
    }
    await this.kill();
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The command line from the sources, so that a test never runs against an older build. */
function runCli(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return resultOf(spawnCli(words, environment));
}

/** A line of a shell at the root of the repository, as a person would type it there. */
export function runShell(
  line: string,
  environment: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  const env = { PATH: process.env["PATH"], HOME: tmpdir(), ...environment };
  return resultOf(spawn("sh", ["-c", line], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] }));
}

async function resultOf(child: ChildProcess): Promise<CommandResult> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  const exit = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { exit, stdout, stderr };
}

/** Waits for a condition of another process, which nothing here can be told about. */
export async function eventually<Value>(
  look: () => Promise<Value | undefined> | Value | undefined,
  withinMs: number,
): Promise<Value> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (performance.now() > untilMs) throw new Error(`it did not come true within ${withinMs} ms: ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function balanceHolds({
  accepted,
  pending,
  delivered,
  skipped,
  deadLettered,
  dropped,
}: Balance): boolean {
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
  return accepted === pending + delivered + sum(skipped) + deadLettered + sum(dropped);
}

function spawnCli(words: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
  const [program = "", ...rest] = commandLine(words);
  return spawn(program, rest, {
    env: { ...ENVIRONMENT, UV_THREADPOOL_SIZE: "16", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** A command of ours, for a test that starts it in a way of its own; with `ENVIRONMENT`. */
export function commandLine(words: readonly string[]): readonly string[] {
  return [process.execPath, ...PROCESS_FLAGS, "--conditions=sluice-source", CLI, ...words];
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk) => {
      stdout += chunk;
      const end = stdout.indexOf("\n");
      if (end >= 0) resolve(stdout.slice(0, end));
    });
    child.stderr?.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("exit", (code) => reject(new Error(`the daemon ended with ${code}: ${stderr}`)));
  });
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
