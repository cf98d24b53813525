import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Delivery } from "../delivery.ts";
import type { DatabaseFile } from "./database.ts";

/** What the thread is asked. The bytes of a write are those of its events, one after another. */
type Task =
  | { readonly name: "write"; readonly bytes: Uint8Array<ArrayBuffer>; readonly ends: readonly number[] }
  | { readonly name: "check" }
  | { readonly name: "close" };

export interface Request {
  readonly id: number;
  readonly task: Task;
}

export interface Answer {
  readonly id: number;
  readonly delivery?: Delivery;
  readonly fault?: string | undefined;
}

/** The thread of one sink, started when it is first asked, and anew if it has died. */
export interface Thread {
  /** Rejects if the thread ends without an answer. */
  ask(task: Task): Promise<Answer>;
  /** Resolves when the thread has answered everything, closed its file and is gone. */
  close(): Promise<void>;
}

interface Asked {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export function createThread(file: DatabaseFile): Thread {
  const asked = new Map<number, Asked>();
  let worker: Worker | undefined;
  let lastId = 0;
  let isClosed = false;

  function start(): Worker {
    const started = startWorker(file);
    started.on("message", (answer: Answer) => {
      asked.get(answer.id)?.resolve(answer);
      asked.delete(answer.id);
    });
    let cause: unknown;
    started.on("error", (error) => {
      cause = error;
    });
    started.on("exit", () => {
      if (worker === started) worker = undefined;
      const error = new Error("the thread that writes to SQLite has ended", { cause });
      for (const each of asked.values()) each.reject(error);
      asked.clear();
    });
    return started;
  }

  return {
    ask(task) {
      if (isClosed) return Promise.reject(new Error("the sink is closed"));
      worker ??= start();
      const id = ++lastId;
      const answer = new Promise<Answer>((resolve, reject) => asked.set(id, { resolve, reject }));
      // Its bytes are a copy made for the thread, so they move instead of being copied again.
      worker.postMessage({ id, task } satisfies Request, task.name === "write" ? [task.bytes.buffer] : []);
      return answer;
    },
    async close() {
      isClosed = true;
      const closing = worker;
      if (!closing) return;
      const gone = new Promise<void>((resolve) => closing.once("exit", () => resolve()));
      closing.postMessage({ id: 0, task: { name: "close" } } satisfies Request);
      await gone;
    },
  };
}

/**
 * The worker's program stands beside this file, with the same ending: `.js` where the package is built, `.ts`
 * where its sources are run. Only the sources need to be told where the SDK's sources are.
 */
function startWorker(file: DatabaseFile): Worker {
  const ending = extname(import.meta.url);
  const program = new URL(`./worker${ending}`, import.meta.url);
  const fromSources = { execArgv: ["--conditions=sluice-source"] };
  return new Worker(program, { workerData: file, ...(ending === ".ts" && fromSources) });
}
