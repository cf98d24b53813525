/**
 * What came of one `send`. A value, never an exception: the route's next step is decided from it and from
 * nothing else. A time-out is `retry` and means "may have arrived": hence at-least-once, and one stable id
 * per event.
 */
export type Delivery = Outcome & {
  /** What the backend answered, for the log and the metrics; no decision hangs on it. */
  readonly httpStatus?: number;
};

type Outcome =
  | { readonly status: "delivered" }
  | { readonly status: "skipped"; readonly reason: string }
  /** Not now. `retryAfterMs` is the backend's own word. */
  | { readonly status: "retry"; readonly reason: string; readonly retryAfterMs?: number }
  /** The backend refuses this batch for good. The route bisects; alone, the event becomes a dead letter. */
  | { readonly status: "rejected"; readonly reason: string }
  /** The route halves the batch; alone, the event becomes a dead letter. */
  | { readonly status: "tooLarge"; readonly reason: string }
  /**
   * Nothing can be delivered until somebody mends something (key, URL, certificate). The route pauses and
   * keeps everything.
   */
  | { readonly status: "blocked"; readonly reason: string }
  /**
   * One outcome per event, in the order of the batch. A duplicate is delivered. An event that is to be tried
   * again at a time of its own waits alone, also where all of them do: the backend is well.
   */
  | { readonly status: "mixed"; readonly each: readonly ItemDelivery[] }
  /**
   * A count is all the backend tells, and it forbids a retry (OTLP partial success): k of n are lost, nobody
   * knows which.
   */
  | { readonly status: "partly"; readonly rejected: number; readonly reason: string };

export type ItemDelivery = Extract<Outcome, { status: "delivered" | "skipped" | "retry" | "rejected" }>;

export const delivered: Delivery = { status: "delivered" };

/** One outcome per event, said once where all of them share it. No events at all are delivered. */
export function summary(each: readonly ItemDelivery[]): Delivery {
  const first = each[0];
  if (!first) return delivered;
  const isShared = each.every((item) => item.status === first.status && reasonOf(item) === reasonOf(first));
  return isShared ? first : { status: "mixed", each };
}

function reasonOf(item: ItemDelivery): string | undefined {
  return "reason" in item ? item.reason : undefined;
}
