import fc from "fast-check";
import { expect, test } from "vitest";
import type { Outgoing } from "../sinks/define.ts";
import type { Delivery, ItemDelivery } from "../sinks/delivery.ts";
import { assertBalance } from "./balance.ts";
import { type Stage, stage, textOf } from "./route.test-support.ts";
import type { RouteStatus } from "./route.ts";

/**
 * Random events, answers, delays, crashes, wakes and drops of the oldest against one route. Whatever happens:
 * the balance holds at every step, each event is settled once (the ledger throws if not), within a life no
 * event of a run overtakes another, and in the end no event is missing from what was delivered, skipped,
 * buried or dropped.
 */

type Fate = "delivered" | "skipped" | "retry" | "rejected";
type Answer =
  | {
      readonly name:
        | "delivered"
        | "skipped"
        | "retry"
        | "slowDown"
        | "rejected"
        | "tooLarge"
        | "blocked"
        | "partly";
    }
  | { readonly name: "mixed"; readonly fates: readonly Fate[] }
  | { readonly name: "picky"; readonly bad: number };

const fates = fc.array(fc.constantFrom<Fate>("delivered", "delivered", "skipped", "retry", "rejected"), {
  minLength: 1,
});
const answers: fc.Arbitrary<Answer> = fc.oneof(
  fc.record({
    name: fc.constantFrom(
      "delivered",
      "skipped",
      "retry",
      "slowDown",
      "rejected",
      "tooLarge",
      "blocked",
      "partly",
    ),
  }),
  fc.record({ name: fc.constant("mixed" as const), fates }),
  fc.record({ name: fc.constant("picky" as const), bad: fc.nat(6) }),
);
const steps = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      runs: fc.array(fc.nat(5), { minLength: 1, maxLength: 20 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      ms: fc.constantFrom(1, 50, 300, 1_100, 40_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "wake" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("drop" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
);
const shapes = fc.record({
  order: fc.constantFrom("none" as const, "run" as const),
  inFlight: fc.integer({ min: 1, max: 4 }),
  events: fc.constantFrom(1, 3, 8),
  script: fc.array(fc.tuple(answers, fc.constantFrom(0, 0, 5, 400)), { minLength: 1, maxLength: 60 }),
  steps: fc.array(steps, { minLength: 1, maxLength: 40 }),
});

test("under random deliveries and crashes balance and order hold, nothing is skipped (P2, P4)", async () => {
  await fc.assert(
    fc.asyncProperty(shapes, async ({ order, inFlight, events, script, steps: doing }) => {
      const setup = await stage({ definition: { order, inFlight, limits: { events, bytes: 1e6 } } });
      const world = follow(setup, script, order === "run");
      let count = 0;

      for (const step of doing) {
        if (step.do === "append") await setup.append(...step.runs.map((run) => `r${run}/${count++}`));
        if (step.do === "pass") await setup.clock.advance(step.ms);
        if (step.do === "wake") setup.route.wake();
        if (step.do === "drop") {
          const { pending } = setup.route.status.balance;
          const dropped = setup.route.dropOldest(Math.floor(count * step.share));
          expect(setup.route.status.balance.pending).toBe(pending - dropped);
        }
        if (step.do === "crash") {
          world.life++;
          await setup.crash();
        }
        assertBalance(setup.route.status.balance);
      }

      world.heal();
      for (let turn = 0; turn < 30 && !isAtRest(setup.route.status); turn++) {
        // Where everything was dropped, a route finds out with the next event whether the sink is well again.
        if (setup.route.status.lag === 0) await setup.append(`r0/${count++}`);
        setup.route.wake();
        await setup.clock.advance(5_000);
      }
      expect(setup.route.status).toMatchObject({ state: { name: "running" }, lag: 0 });
      assertBalance(setup.route.status.balance);
      expect(setup.route.status.balance.accepted).toBe(count);
      const buried = textOf(setup.disk, "/deadletters/hooks.jsonl").matchAll(/"id":"([^"]+)","kind"/g);
      for (const [, id = ""] of buried) world.gone.add(id);
      const dropped = setup.route.status.balance.dropped["backlog_full"] ?? 0;
      // What was delivered before a crash took the ledger may be dropped after it.
      if (dropped === 0) expect(world.gone.size).toBe(count);
      else expect(world.gone.size).toBeGreaterThanOrEqual(count - dropped);
      await setup.route.close();
      // Answers that nobody waits for any more, and the patience with them, end by themselves.
      await setup.clock.advance(2_000);
      expect([setup.clock.timers, world.delays]).toEqual([0, 0]);
    }),
    { numRuns: 150 },
  );
}, 120_000);

function isAtRest({ state, lag }: RouteStatus): boolean {
  return state.name === "running" && lag === 0;
}

/** Answers by the script, round and round, and watches what that means for each event. */
function follow({ sink, clock }: Stage, script: readonly (readonly [Answer, number])[], isOrdered: boolean) {
  const world = {
    life: 0,
    delays: 0,
    /** Ids that left the route in some life. */
    gone: new Set<string>(),
    heal: () => {
      sink.answer = (batch) => leave(batch, { status: "delivered" });
    },
  };
  const newest = new Map<string, number>();
  let next = 0;
  const leave = (batch: readonly Outgoing[], delivery: Delivery): Delivery => {
    for (const [index, { id }] of batch.entries()) {
      const fate = delivery.status === "mixed" ? delivery.each[index]?.status : delivery.status;
      if (fate !== "delivered" && fate !== "skipped" && fate !== "partly") continue;
      world.gone.add(id);
      const [run = "", number = ""] = id.split("/");
      const key = `${world.life} ${run}`;
      if (isOrdered) expect(Number(number)).toBeGreaterThan(newest.get(key) ?? -1);
      newest.set(key, Number(number));
    }
    return delivery;
  };
  sink.answer = async (batch) => {
    const [answer, delayMs] = script[next++ % script.length] ??
      script[0] ?? [{ name: "delivered" as const }, 0];
    const { life } = world;
    world.delays++;
    if (delayMs > 0) await new Promise<void>((resolve) => clock.after(delayMs, resolve));
    world.delays--;
    // The process is dead that would have got this answer; whether the backend stored it is nobody's
    // knowledge.
    if (life !== world.life) return { status: "retry", reason: "dead" };
    return leave(batch, deliveryOf(answer, batch));
  };
  return world;
}

function deliveryOf(answer: Answer, batch: readonly Outgoing[]): Delivery {
  const reason = "because";
  switch (answer.name) {
    case "delivered":
      return { status: "delivered" };
    case "slowDown":
      return { status: "retry", reason, retryAfterMs: 3_000 };
    case "partly":
      return { status: "partly", rejected: Math.min(2, batch.length), reason };
    case "mixed":
      return { status: "mixed", each: eachOf(answer.fates, batch) };
    case "picky":
      return batch.some(({ id }) => Number(id.split("/")[1]) % 7 === answer.bad)
        ? { status: "rejected", reason }
        : { status: "delivered" };
    case "skipped":
    case "retry":
    case "rejected":
    case "tooLarge":
    case "blocked":
      return { status: answer.name, reason };
  }
}

/**
 * A backend that takes a later event of a run although it could not take an earlier one is beyond what a
 * route can order.
 */
function eachOf(script: readonly Fate[], batch: readonly Outgoing[]): ItemDelivery[] {
  const stuck = new Set<string | undefined>();
  return batch.map(({ event }, index) => {
    const status = stuck.has(event.runId) ? "retry" : (script[index % script.length] ?? "delivered");
    if (status === "retry") stuck.add(event.runId);
    return status === "delivered" ? { status } : { status, reason: "because" };
  });
}
