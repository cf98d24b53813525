import { type Delivery, type ItemDelivery, summary } from "../delivery.ts";

/**
 * What came of a batch: the server's answer to its spans, and what was known of the other events before it
 * was asked. The outcome of an event that has a span is "delivered" until then.
 */
export function together(delivery: Delivery, outcomes: readonly ItemDelivery[]): Delivery {
  const { httpStatus } = delivery;
  const told = httpStatus === undefined ? {} : { httpStatus };
  if (delivery.status === "delivered") return { ...summary(outcomes), ...told };
  if (delivery.status !== "partly") return delivery;
  const count = (status: ItemDelivery["status"]) => outcomes.filter((each) => each.status === status).length;
  if (delivery.rejected < count("delivered")) {
    return { ...delivery, rejected: delivery.rejected + count("rejected") };
  }
  // All of them: then it is known which. Each by itself, since a batch that is rejected would be cut and sent.
  const rejected = { status: "rejected", reason: delivery.reason } as const;
  const each = outcomes.map((outcome) => (outcome.status === "delivered" ? rejected : outcome));
  return { status: "mixed", each, ...told };
}
