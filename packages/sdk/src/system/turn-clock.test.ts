import { expect, test } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import { TurnClock } from "./turn-clock.ts";

test("time stands still within a turn of the event loop, and is read again in the next", async () => {
  const clock = new ManualClock();
  let readings = 0;
  const counting = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => {
      readings++;
      return clock.monotonicMs() + 0.7;
    },
    after: clock.after.bind(clock),
  };
  const time = TurnClock.of(counting);

  const first = [time.monotonicMs, TurnClock.of(counting).monotonicMs];
  await clock.advance(1_000);

  expect(first).toEqual([0, 0]);
  expect(time.monotonicMs).toBe(1_000);
  expect(readings).toBe(2);
});
