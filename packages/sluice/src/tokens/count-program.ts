import { parentPort } from "node:worker_threads";
import { decodeEvent } from "@sluice/sdk/internal";
import { countUsage } from "./count-usage.ts";

/**
 * The worker that counts: says "ready" once, then gets the bytes of a complete end, and answers with its
 * usage, or undefined where there is nothing to count. What is no event has nothing either.
 */
parentPort?.on("message", (body: Uint8Array) => {
  parentPort?.postMessage(counted(body));
});
parentPort?.postMessage("ready");

function counted(body: Uint8Array): unknown {
  try {
    const { run } = decodeEvent(body);
    if (run === undefined) return undefined;
    const { usage: _, ...bare } = run;
    return countUsage(bare);
  } catch {
    return undefined;
  }
}
