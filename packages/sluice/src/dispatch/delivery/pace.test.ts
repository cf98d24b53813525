import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { createPace } from "./pace.ts";

test("requests go evenly apart, and time without any does not save up a burst", async () => {
  const clock = new ManualClock();
  const pace = createPace(2, clock);
  const { signal } = new AbortController();
  const sentAtMs: number[] = [];
  const send = async () => {
    await pace.next(signal);
    sentAtMs.push(clock.monotonicMs());
  };
  await clock.advance(10_000);

  const sending = Promise.all([send(), send(), send(), send()]);
  await clock.advance(5_000);
  await sending;

  expect(sentAtMs).toEqual([10_000, 10_500, 11_000, 11_500]);
});

test("a request that waits for its turn ends at once when the route stops", async () => {
  const clock = new ManualClock();
  const pace = createPace(0.001, clock);
  const controller = new AbortController();
  pace.next(controller.signal);

  const waiting = pace.next(controller.signal);
  controller.abort();

  await waiting;
  expect(clock.timers).toBe(0);
});
