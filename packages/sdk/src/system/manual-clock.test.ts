import { expect, test } from "vitest";
import { sleep } from "./clock.ts";
import { ManualClock } from "./manual-clock.ts";

test("timers fire in the order in which they are due, and see the time they were due at", async () => {
  const clock = new ManualClock(0);
  const seen: string[] = [];
  clock.after(20, () => seen.push(`b@${clock.monotonicMs()}`));
  clock.after(10, () => seen.push(`a@${clock.monotonicMs()}`));

  await clock.advance(30);

  expect(seen).toEqual(["a@10", "b@20"]);
});

test("a sleeper wakes at once when its signal aborts, and leaves no timer", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const sleeping = sleep(clock, 1_000, controller.signal);

  controller.abort();
  await sleeping;

  expect(clock.timers).toBe(0);
});
