import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { DaemonEmitterOptions } from "@sluice/sdk";
import { COMPILED, ROOT } from "./daemon.ts";

/** An application that emits to a daemon, as a process of its own that a test may kill. */
export interface Work {
  /** Begins every event's id, so that tests tell applications apart. */
  readonly name: string;
  readonly options: DaemonEmitterOptions;
  /** Emitted in one tick. */
  readonly events: number;
  /** Characters of each event's data. */
  readonly dataChars?: number;
  /**
   * What it does in the same tick, right after: SIGKILL to itself, `process.exit`, an exception, nothing more
   * (and it ends when nothing holds it); "flush" and "close" are awaited before.
   */
  readonly next: "kill" | "exit" | "throw" | "end" | "flush" | "close";
}

export interface Application {
  /** "emitted", "flushed", "closed", "drop COUNT REASON", in order. */
  readonly said: readonly string[];
  /** Resolves when it has said so. */
  says(text: string): Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  kill(): void;
}

export function startApplication(work: Work): Application {
  const program = new URL("./application-program.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--conditions=sluice-source", program, JSON.stringify(work)], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], ...COMPILED },
    stdio: ["ignore", "pipe", work.next === "throw" ? "ignore" : "inherit"],
  });
  return watch(child);
}

function watch(child: ChildProcess): Application {
  const said: string[] = [];
  const listeners = new Set<() => void>();
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  lines.on("line", (line) => {
    said.push(line);
    for (const listener of listeners) listener();
  });
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal }));
  return {
    said,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!said.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without saying "${text}": ${said.join(", ")}`)));
      }),
    kill: () => void child.kill("SIGKILL"),
  };
}
