import { completionTokensOf, promptTokensOf } from "@sluice/sdk/internal";
import type { Delivery } from "../sinks/delivery.ts";
import type { PendingEvent } from "./delivery/pending-event.ts";
import type { Health } from "./health.ts";
import type { RouteHealth } from "./route.ts";

/**
 * What a route tells while it works. Called synchronously from the delivery path: cheap, and never throws.
 */
export interface RouteObserver {
  onAttempt(attempt: Attempt): void;
  /** A route has started, or its health has another name than before. */
  onHealth(now: RouteHealth, was: Health["name"] | undefined): void;
  onInFlight(sink: string, batches: number): void;
  /** Something a person should see. Never with a secret in it. */
  warn(message: string): void;
}

/**
 * One request and what came of it. What needs a decoded event is computed when it is asked for, and not
 * before.
 */
export interface Attempt {
  readonly sink: string;
  /** "mixed" only where an event is to be tried again or was refused: what was skipped is no failure. */
  readonly outcome: Delivery["status"];
  /** Of several events, the first that was not delivered says why. */
  readonly reason?: string;
  /** 1 for the first try of a batch. */
  readonly attempt: number;
  readonly events: number;
  readonly durationMs: number;
  /** At most 5 of the batch's runs. */
  readonly runIds: readonly string[];
  readonly httpStatus?: number;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
}

const RUN_IDS_MAX = 5;

export function createAttempt(
  sink: string,
  items: readonly PendingEvent[],
  attempt: number,
  delivery: Delivery,
  durationMs: number,
): Attempt {
  const { outcome, reason } = outcomeOf(delivery);
  const sum = (of: (item: PendingEvent) => number | undefined) => {
    let total: number | undefined;
    for (const item of items) {
      const tokens = readable(item, of);
      if (tokens !== undefined) total = (total ?? 0) + tokens;
    }
    return total;
  };
  const measured = {
    sink,
    outcome,
    attempt,
    events: items.length,
    durationMs,
    ...(reason !== undefined && { reason }),
    ...(delivery.httpStatus !== undefined && { httpStatus: delivery.httpStatus }),
    get runIds() {
      return runIdsOf(items);
    },
    get promptTokens() {
      return sum(({ event }) => promptTokensOf(event.run?.usage));
    },
    get completionTokens() {
      return sum(({ event }) => completionTokensOf(event.run?.usage));
    },
  };
  // The getters give undefined where no provider said anything, which is what an absent property gives.
  return measured as Attempt;
}

function outcomeOf(delivery: Delivery): { outcome: Delivery["status"]; reason: string | undefined } {
  if (delivery.status !== "mixed")
    return { outcome: delivery.status, reason: "reason" in delivery ? delivery.reason : undefined };
  for (const item of delivery.each) {
    if (item.status === "retry" || item.status === "rejected")
      return { outcome: "mixed", reason: item.reason };
  }
  return { outcome: "delivered", reason: undefined };
}

function runIdsOf(items: readonly PendingEvent[]): string[] {
  const runIds = new Set<string>();
  for (const item of items) {
    if (runIds.size === RUN_IDS_MAX) break;
    const runId = readable(item, ({ event }) => event.runId);
    if (runId !== undefined) runIds.add(runId);
  }
  return [...runIds];
}

/** A record that is no event has no run and no tokens to speak of. */
function readable<Value>(item: PendingEvent, read: (item: PendingEvent) => Value): Value | undefined {
  try {
    return read(item);
  } catch {
    return undefined;
  }
}
