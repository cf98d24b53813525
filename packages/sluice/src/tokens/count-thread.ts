import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Usage } from "@sluice/sdk";

/** Somebody who counts one run at a time, elsewhere. */
export interface CountThread {
  /** One at a time, when it is ready. Ends with `onUsage` or with `onGone`. */
  count(body: Uint8Array): void;
  /** Soon, whatever it is doing. Idempotent. */
  end(): Promise<void>;
}

export interface CountListener {
  /** Once, and first: it can count from now on. */
  onReady(): void;
  onUsage(usage: Usage | undefined): void;
  /** It has died, or could not start. Once. */
  onGone(): void;
}

/** Ten times what the largest run that is counted needs when it is decoded and split. */
const HEAP_MEBIBYTES = 256;

/**
 * A worker thread: counting is arithmetic, and would hold up every byte that passes. It keeps the process
 * alive only while it starts or counts.
 */
export function startCountThread(listener: CountListener): CountThread {
  // Beside this file: as it was written, or built from that.
  const extension = extname(import.meta.url);
  const worker = new Worker(new URL(`./count-program${extension}`, import.meta.url), {
    // Flags of the process are not its business; but from sources, packages are found as sources.
    execArgv: extension === ".ts" ? ["--conditions=sluice-source"] : [],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES },
  });
  let isGone = false;
  const gone = () => {
    if (!isGone) listener.onGone();
    isGone = true;
  };
  worker.on("message", (said: Usage | "ready" | undefined) => {
    worker.unref();
    if (said === "ready") listener.onReady();
    else listener.onUsage(said);
  });
  worker.on("error", gone);
  worker.on("messageerror", gone);
  worker.on("exit", gone);
  return {
    count(body) {
      worker.ref();
      // A copy, which the other thread may keep: this one's is written to the disk.
      const copy = new Uint8Array(body);
      worker.postMessage(copy, [copy.buffer]);
    },
    async end() {
      isGone = true;
      await worker.terminate();
    },
  };
}
