import type { Clock } from "@sluice/sdk/internal";
import type { Sink } from "../../sinks/define.ts";
import type { Delivery } from "../../sinks/delivery.ts";
import type { Figures } from "../figures.ts";
import type { PendingEvent } from "./pending-event.ts";

/**
 * One request. Ends for certain: after `sendTimeoutMs`, or when `stop` aborts, the sink is told to end, and
 * if it has not done so after a grace its answer no longer counts ("retry": it may have arrived). Rejects
 * only where the sink breaks its word.
 */
export function attempt(
  sink: Sink,
  items: readonly PendingEvent[],
  stop: AbortSignal,
  clock: Clock,
  figures: Figures,
): Promise<Delivery> {
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    const giveUp = (reason: string) => {
      controller.abort();
      timer.cancel();
      timer = clock.after(figures.abortGraceMs, () => end(() => resolve({ status: "retry", reason })));
    };
    const stopped = () => giveUp("stopped before the sink answered");
    const end = (settle: () => void) => {
      timer.cancel();
      stop.removeEventListener("abort", stopped);
      settle();
    };
    let timer = clock.after(figures.sendTimeoutMs, () =>
      giveUp(`no answer from the sink within ${figures.sendTimeoutMs / 1_000} s`),
    );
    if (stop.aborted) stopped();
    stop.addEventListener("abort", stopped, { once: true });
    send(sink, items, controller.signal).then(
      (delivery) => end(() => resolve(delivery)),
      (error) => end(() => reject(error)),
    );
  });
}

/** Async, so that a sink that throws before its first await rejects as well. */
async function send(sink: Sink, items: readonly PendingEvent[], signal: AbortSignal): Promise<Delivery> {
  const delivery = await sink.send(items, signal);
  if (delivery.status === "mixed" && delivery.each.length !== items.length) {
    throw new Error(`the sink gave ${delivery.each.length} outcomes for ${items.length} events`);
  }
  return delivery;
}

/** True if the backend took something: it is well. */
export function isSuccess(delivery: Delivery): boolean {
  switch (delivery.status) {
    case "delivered":
    case "partly":
      return true;
    case "mixed":
      return delivery.each.some(({ status }) => status === "delivered");
    case "skipped":
    case "retry":
    case "rejected":
    case "tooLarge":
    case "blocked":
      return false;
  }
}

/** False if the sink skipped all of it: the backend was not asked, and nothing is known of it. */
export function wasAsked(delivery: Delivery): boolean {
  if (delivery.status === "mixed") return delivery.each.some(({ status }) => status !== "skipped");
  return delivery.status !== "skipped";
}
