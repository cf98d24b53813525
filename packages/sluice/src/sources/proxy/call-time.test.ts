import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { CallTime } from "./call-time.ts";

test("a call takes as long as it takes, whatever the machine's clock does meanwhile (P14, T60)", async () => {
  const clock = new ManualClock(1_000_000);
  const time = new CallTime(clock);

  await clock.advance(250);
  clock.jump(-2 * 365 * 86_400_000);

  expect(time.nowMs() - time.startMs).toBe(250);
});
