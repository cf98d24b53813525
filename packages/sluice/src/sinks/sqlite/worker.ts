import { parentPort, workerData } from "node:worker_threads";
import type { DatabaseFile } from "./database.ts";
import { createStore } from "./store.ts";
import type { Answer, Request } from "./thread.ts";

/** The program of the thread that a SQLite sink writes in: a request in, its answer out, one by one. */
const store = createStore(workerData as DatabaseFile);

parentPort?.on("message", ({ id, task }: Request) => {
  switch (task.name) {
    case "write":
      return answer({ id, delivery: store.write(slices(task.bytes, task.ends)) });
    case "check":
      return answer({ id, fault: store.check() });
    case "close":
      store.close();
      // Nothing is left to wait for: the thread ends by itself.
      parentPort?.close();
  }
});

function answer(words: Answer): void {
  parentPort?.postMessage(words);
}

function slices(bytes: Uint8Array, ends: readonly number[]): readonly Uint8Array[] {
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}
