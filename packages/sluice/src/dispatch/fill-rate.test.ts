import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { FillRate } from "./fill-rate.ts";

test("the time until the spool is full is told while it fills, and not before there is something to tell", async () => {
  const clock = new ManualClock();
  const fill = new FillRate(clock);
  const look = (bytes: number) => fill.fullInMs({ bytes, maxBytes: 1_000_000 });

  expect(look(100_000)).toBeUndefined();
  await clock.advance(10_000);
  expect(look(110_000)).toBeUndefined();
  await clock.advance(50_000);
  expect(look(160_000)).toBe(840_000);

  await clock.advance(60_000);
  expect(look(90_000)).toBeUndefined();
});

test("what was longer ago than ten minutes counts for nothing", async () => {
  const clock = new ManualClock();
  const fill = new FillRate(clock);
  for (let minute = 0; minute <= 5; minute++) {
    fill.fullInMs({ bytes: minute * 100_000, maxBytes: 1_000_000 });
    await clock.advance(60_000);
  }
  for (let minute = 0; minute < 12; minute++) {
    fill.fullInMs({ bytes: 500_000, maxBytes: 1_000_000 });
    await clock.advance(60_000);
  }

  expect(fill.fullInMs({ bytes: 500_000, maxBytes: 1_000_000 })).toBeUndefined();
});
