import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { createMemorySpool } from "../spool/memory.ts";
import { someRecords } from "../testing/spool-fixture.ts";
import type { BacklogLimit } from "./backlog.ts";
import { type Backlogged, Backlogs } from "./backlogs.ts";

/** Sinks over one spool that have settled nothing but what they dropped. */
async function setUp(stored: number, limits: Readonly<Record<string, BacklogLimit>>) {
  const spool = createMemorySpool({ maxBytes: 1e9 });
  await spool.append(someRecords(0, stored));
  const warnings: string[] = [];
  const clock = new ManualClock();
  const lows = new Map<string, number>();
  const routes = Object.entries(limits).map(
    ([name, limit]): Backlogged => ({
      name,
      limit,
      get backlogBytes() {
        return spool.layout.bytesFrom(0, lows.get(name) ?? 0);
      },
      dropOldest(before) {
        const low = lows.get(name) ?? 0;
        lows.set(name, Math.max(low, before));
        return Math.max(0, before - low);
      },
    }),
  );
  const warn = (message: string) => warnings.push(message);
  const backlogs = new Backlogs({ spool, partition: 0, routes: () => routes, clock, warn });
  return { backlogs, clock, warnings, lows, spool };
}

const next = (count: number) => someRecords(1_000, count);
const SIZE = (someRecords(0, 1)[0]?.body.length ?? 0) + 64;

test("a sink that blocks lets in what fits, in order, and refuses the rest by its name", async () => {
  const { backlogs } = await setUp(1, { slow: { maxBytes: 4 * SIZE, whenFull: "block" } });

  const { count, refusal } = backlogs.admit(next(5));

  expect(count).toBe(3);
  expect(refusal).toMatchObject({
    status: "full",
    reason: expect.stringMatching(/"slow".*backlog\.max_bytes/),
  });
});

test("what is on its way to the spool counts until it is stored", async () => {
  const { backlogs } = await setUp(1, { slow: { maxBytes: 4 * SIZE, whenFull: "block" } });

  const first = backlogs.admit(next(3));
  expect(backlogs.admit(next(1)).count).toBe(0);
  first.done();

  expect(backlogs.admit(next(1)).count).toBe(1);
});

test("an empty backlog takes one event of any size", async () => {
  const { backlogs } = await setUp(0, { tiny: { maxBytes: 10, whenFull: "block" } });

  const { count, refusal } = backlogs.admit(next(2));

  expect(count).toBe(1);
  expect(refusal?.status).toBe("full");
});

test("health says which sink refuses, and nothing while there is room", async () => {
  const full = await setUp(4, { slow: { maxBytes: 4 * (SIZE - 64) + 1, whenFull: "block" } });
  const roomy = await setUp(1, { slow: { maxBytes: 1e6, whenFull: "block" } });
  const dropping = await setUp(4, { slow: { maxBytes: SIZE, whenFull: "drop_oldest" } });

  expect(full.backlogs.refusing).toContain('the sink "slow"');
  expect(roomy.backlogs.refusing).toBeUndefined();
  expect(dropping.backlogs.refusing).toBeUndefined();
});

test("once something was refused health says so until there is room for more than a little", async () => {
  const maxBytes = 95_000;
  const { backlogs, lows } = await setUp(1_000, { slow: { maxBytes, whenFull: "block" } });
  expect(backlogs.refusing).toBeUndefined();

  backlogs.admit(next(100));
  expect(backlogs.refusing).toBeDefined();
  lows.set("slow", 500);

  expect(backlogs.refusing).toBeUndefined();
});

test("a sink that drops its oldest makes room for what comes and no more; others keep theirs", async () => {
  const { backlogs, lows, spool } = await setUp(10, {
    lossy: { maxBytes: 10 * SIZE, whenFull: "drop_oldest" },
    other: { maxBytes: 100 * SIZE, whenFull: "block" },
  });

  const { count, refusal } = backlogs.admit(next(4));

  expect({ count, refusal }).toEqual({ count: 4, refusal: undefined });
  const left = spool.layout.bytesFrom(0, lows.get("lossy") ?? 0);
  expect(left).toBeLessThanOrEqual(6 * SIZE);
  expect(left).toBeGreaterThan(5 * SIZE);
  expect(lows.has("other")).toBe(false);
});

test("what comes at once and is more than the limit is dropped down to it when it is stored", async () => {
  const { backlogs, lows, spool } = await setUp(0, {
    lossy: { maxBytes: 3 * SIZE, whenFull: "drop_oldest" },
  });
  const admitted = [1, 2, 3].map(() => backlogs.admit(next(3)));
  await spool.append(next(9));

  for (const { done } of admitted) done();

  expect(spool.layout.bytesFrom(0, lows.get("lossy") ?? 0)).toBeLessThanOrEqual(3 * SIZE);
});

test("a spool that needs room makes only those drop that allow it", async () => {
  const { backlogs, lows } = await setUp(10, {
    lossy: { whenFull: "drop_oldest" },
    other: { whenFull: "block" },
  });

  backlogs.dropBelow(4);

  expect([...lows]).toEqual([["lossy", 4]]);
});

test("drops are said at once, and then once a minute with their sum", async () => {
  const { backlogs, clock, warnings } = await setUp(10, { lossy: { whenFull: "drop_oldest" } });

  for (const before of [1, 2, 3]) backlogs.dropBelow(before);
  await clock.advance(60_000);
  backlogs.dropBelow(4);

  expect(warnings).toEqual([
    'The backlog of "lossy" is full: 1 of its oldest events were dropped (backlog_full).',
    'The backlog of "lossy" is full: 3 of its oldest events were dropped (backlog_full).',
  ]);
});
