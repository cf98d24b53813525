import type { PendingEvent } from "./delivery/pending-event.ts";
import type { Ledger } from "./ledger/ledger.ts";

/** How old the oldest of the events is that is not settled; undefined if there is none, or no telling. */
export function oldestAgeMs(
  items: Iterable<PendingEvent>,
  ledger: Ledger,
  nowMs: number,
): number | undefined {
  let oldest: PendingEvent | undefined;
  for (const item of items) {
    const isOlder = item.offset < (oldest?.offset ?? Number.POSITIVE_INFINITY);
    if (isOlder && !ledger.isSettled(item.offset)) oldest = item;
  }
  return oldest && ageMs(oldest, nowMs);
}

function ageMs(item: PendingEvent, nowMs: number): number | undefined {
  try {
    const age = nowMs - Date.parse(item.event.time);
    return Number.isNaN(age) ? undefined : Math.max(0, age);
  } catch {
    // No event, so no time of its own.
    return undefined;
  }
}
