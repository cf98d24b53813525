import { type ChildProcess, spawn } from "node:child_process";
import { commandLine, ENVIRONMENT, eventually } from "./daemon.ts";

/** What `sluice mock --json` says first. */
export interface Announced {
  readonly url: string;
  readonly endpoint: string;
  readonly keys: Readonly<Record<string, string>>;
}

/** A line of it about a request. */
interface MockLine {
  readonly fault?: string;
  readonly status?: number;
  readonly items: readonly { readonly id: string; readonly outcome: string; readonly reason?: string }[];
}

/** `sluice mock SERVICE --json` as a process of its own. */
export class MockProcess {
  readonly #child: ChildProcess;
  #out = "";
  #err = "";

  private constructor(words: readonly string[]) {
    const [program = "", ...rest] = commandLine(["mock", ...words, "--json"]);
    this.#child = spawn(program, rest, { env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout?.on("data", (chunk) => {
      this.#out += chunk;
    });
    this.#child.stderr?.on("data", (chunk) => {
      this.#err += chunk;
    });
  }

  static async start(...words: readonly string[]): Promise<MockProcess> {
    const mock = new MockProcess(words);
    await eventually(() => {
      if (mock.#child.exitCode !== null) throw new Error(`the mock has ended: ${mock.#err}`);
      return mock.#whole().length > 0 || undefined;
    }, 10_000);
    return mock;
  }

  get announced(): Announced {
    return this.#whole()[0] as Announced;
  }

  get lines(): readonly MockLine[] {
    return this.#whole().slice(1) as readonly MockLine[];
  }

  /** Its exit code; null if the signal itself has ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const gone = new Promise<number | null>((resolve) => this.#child.once("close", resolve));
    this.#child.kill(signal);
    return gone;
  }

  #whole(): readonly unknown[] {
    const lines = this.#out.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }
}
