import { expect, test } from "vitest";
import type { ItemDelivery } from "../sinks/delivery.ts";
import { createAttempt } from "./observer.ts";

const told = (...each: ItemDelivery[]) => createAttempt("lunary", [], 1, { status: "mixed", each }, 5);

test("a batch of which some events are not for this sink is told as delivered", () => {
  const { outcome, reason } = told({ status: "delivered" }, { status: "skipped", reason: "unmapped" });

  expect(outcome).toBe("delivered");
  expect(reason).toBeUndefined();
});

test("a batch of which an event failed is told with that event's reason", () => {
  const { outcome, reason } = told(
    { status: "delivered" },
    { status: "rejected", reason: "bad value" },
    { status: "retry", reason: "later" },
  );

  expect(outcome).toBe("mixed");
  expect(reason).toBe("bad value");
});
