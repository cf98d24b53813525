import { expect, test } from "vitest";
import type { Outgoing } from "../sinks/define.ts";
import type { Delivery, ItemDelivery } from "../sinks/delivery.ts";
import { ids, stage } from "./route.test-support.ts";

/** Skips every second event without a request, as Lunary does with the starts of runs; the rest gets `answer`. */
function everySecond(answer: ItemDelivery) {
  return (batch: readonly Outgoing[]): Delivery => {
    const each = batch.map(({ id }): ItemDelivery => (isSkipped(id) ? skipped : answer));
    if (each.every(({ status }) => status === "skipped")) return skipped;
    return answer.status === "retry" ? answer : { status: "mixed", each };
  };
}

const skipped = { status: "skipped", reason: "sent_with_end" } as const;
const isSkipped = (id: string) => Number(id.slice(1)) % 2 === 0;
const isRequest = ({ ids }: { readonly ids: readonly string[] }) => !ids.every(isSkipped);

test("in an outage an event that is skipped is no sign that the backend is well (P12, T54)", async () => {
  const { route, sink, clock, append, states } = await stage({ figures: { unavailableAfter: 1 } });
  sink.answer = everySecond({ status: "retry", reason: "HTTP 503" });

  for (let turn = 0; turn < 200; turn++) {
    await append(`e${turn}`);
    await clock.advance(3_000);
  }
  const { health, balance, troubleSinceMs } = route.status;
  const requests = sink.requests.filter(isRequest).length;
  const states503 = [...states];
  sink.answer = everySecond({ status: "delivered" });
  await clock.advance(61_000);

  expect(health.name).toMatch(/unavailable|probing/);
  expect(states503.slice(1)).not.toContain("healthy");
  expect(clock.nowMs() - (troubleSinceMs ?? 0)).toBeGreaterThan(600_000);
  expect(requests).toBeLessThanOrEqual(4 + 6 + 600 / 15);
  expect(balance).toMatchObject({ delivered: 0, deadLettered: 0 });
  expect(route.status).toMatchObject({
    health: { name: "healthy" },
    balance: { pending: 0, delivered: 100, deadLettered: 0, skipped: { sent_with_end: 100 } },
  });
  await route.close();
});

test("a probe that is skipped is followed by the next event, and a pause ends with a real answer", async () => {
  const { route, sink, clock, append, states } = await stage();
  sink.answer = everySecond({ status: "retry", reason: "not asked" });
  sink.script({ status: "blocked", reason: "401 Unauthorized" });
  await append("e1", "e3");
  await clock.advance(1_000);
  expect(route.status.state.name).toBe("paused");

  sink.answer = () => skipped;
  route.wake();
  await clock.advance(1_000);
  const whileSkipping = route.status.health.name;
  sink.answer = () => ({ status: "delivered" });
  await append("e5");
  await clock.advance(1_000);

  expect(whileSkipping).toBe("probing");
  expect(states.at(-1)).toBe("healthy");
  expect(route.status.balance).toMatchObject({ pending: 0, delivered: 1, skipped: { sent_with_end: 2 } });
  await route.close();
});

test("ten minutes of nothing but skipped events leave a route as it was", async () => {
  const { route, sink, clock, append, states } = await stage();
  sink.answer = () => skipped;
  await append(...ids(100));
  await clock.advance(600_000);

  expect(states).toEqual(["healthy"]);
  expect(route.status.balance).toMatchObject({ pending: 0, skipped: { sent_with_end: 100 } });
  await route.close();
});
