import { ManualClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { createMemorySpool } from "../spool/memory.ts";
import { someRecords } from "../testing/spool-fixture.ts";
import type { BacklogLimit } from "./backlog.ts";
import { holderOf, openRetention, type Retained, type Retention } from "./retention.ts";

const HOUR_MS = 3_600_000;
const SWEEP_MS = 10_000;

let retention: Retention;
afterEach(() => retention.close());

class StagedRoute implements Retained {
  readonly limit: BacklogLimit;
  syncs = 0;
  /** Its ledger says this once it is synced, and 0 before. */
  settled: number;
  /** A sink's drops and the assembler's evictions, in order. */
  readonly asked: number[] = [];
  sync = async (): Promise<boolean> => {
    this.syncs++;
    return true;
  };

  constructor(settled: number, whenFull: BacklogLimit["whenFull"] = "block") {
    this.settled = settled;
    this.limit = { whenFull };
  }

  get lowOffset(): number {
    return this.syncs > 0 ? this.settled : 0;
  }

  /** Soon, not at once. */
  evict(before: number): void {
    this.asked.push(before);
  }

  drop(before: number): void {
    this.asked.push(before);
    this.settled = Math.max(this.settled, before);
  }
}

const ALL = 10;

/** Ten records of one size in a spool of which they take a share. */
async function setUp(options: {
  readonly sinks: readonly StagedRoute[];
  readonly assembler?: StagedRoute;
  readonly share?: number;
}) {
  const { sinks, assembler = new StagedRoute(ALL), share = 0.01 } = options;
  const records = someRecords(0, ALL);
  const bytes = records.reduce((sum, { body }) => sum + body.length, 0);
  const spool = createMemorySpool({ maxBytes: bytes / share });
  const clock = new ManualClock();
  retention = openRetention({
    spool,
    partition: 0,
    clock,
    keepForMs: HOUR_MS,
    sinks: () => sinks,
    assembler,
    dropOldest: (before) => {
      for (const sink of sinks) if (sink.limit.whenFull === "drop_oldest") sink.drop(before);
    },
  });
  await spool.append(records);
  return { spool, clock, assembler };
}

test("what is settled stays for replay until it is old enough, and then goes", async () => {
  const { spool, clock } = await setUp({ sinks: [new StagedRoute(ALL)] });

  await clock.advance(HOUR_MS / 2);
  expect(spool.state.firstOffset).toBe(0);
  await clock.advance(HOUR_MS);

  expect(spool.state).toMatchObject({ firstOffset: 10, nextOffset: 10 });
});

test("the slowest route decides, whatever the age", async () => {
  const { spool, clock } = await setUp({ sinks: [new StagedRoute(ALL), new StagedRoute(4)] });

  await clock.advance(2 * HOUR_MS);

  expect(spool.state.firstOffset).toBe(4);
});

test("when space is tight, as much of what is settled goes as is needed, and the rest stays for replay", async () => {
  const { spool, clock } = await setUp({ sinks: [new StagedRoute(7)], share: 1 });

  await clock.advance(SWEEP_MS);

  expect(spool.state.firstOffset, "80 % stay").toBe(2);
});

test("whoever appends until space is tight need not wait for the next look", async () => {
  const { spool } = await setUp({ sinks: [new StagedRoute(7)], share: 1 });

  retention.grown();
  await retention.sweep();

  expect(spool.state.firstOffset).toBe(2);
});

test("nothing goes before the ledgers that allow it are durable", async () => {
  const sink = new StagedRoute(ALL);
  sink.sync = async () => false;
  const { spool, clock } = await setUp({ sinks: [sink], share: 0.9 });

  await clock.advance(SWEEP_MS);

  expect(spool.state.firstOffset).toBe(0);
});

test("while there is room and nothing is old, no ledger is bothered", async () => {
  const sink = new StagedRoute(ALL);
  const { clock } = await setUp({ sinks: [sink] });

  await clock.advance(HOUR_MS / 2);

  expect(sink.syncs).toBe(0);
});

test("a ledger that cannot be stored is tried again at the next sweep", async () => {
  const sink = new StagedRoute(ALL);
  const works = sink.sync;
  sink.sync = () => Promise.reject(new Error("EIO"));
  const { spool, clock } = await setUp({ sinks: [sink], share: 1 });

  await clock.advance(SWEEP_MS);
  expect(spool.state.firstOffset).toBe(0);
  sink.sync = works;
  await clock.advance(SWEEP_MS);

  expect(spool.state.firstOffset).toBe(2);
});

test("when what is settled is not enough, the open runs that pin the rest are closed, and no sink drops", async () => {
  const sink = new StagedRoute(6, "drop_oldest");
  const { spool, clock, assembler } = await setUp({
    sinks: [sink],
    assembler: new StagedRoute(1),
    share: 1,
  });

  await clock.advance(SWEEP_MS);

  expect(spool.state.firstOffset).toBe(1);
  expect(assembler.asked).toEqual([2]);
  expect(sink.asked).toEqual([]);
});

test("no run is closed for records that a sink which blocks needs all the same", async () => {
  const { spool, clock, assembler } = await setUp({
    sinks: [new StagedRoute(0)],
    assembler: new StagedRoute(0),
    share: 1,
  });

  await clock.advance(SWEEP_MS);

  expect(spool.state.firstOffset).toBe(0);
  expect(assembler.asked).toEqual([]);
});

test("what was refused makes sinks drop that allow it: no further than is needed, and than another blocks", async () => {
  const dropping = new StagedRoute(0, "drop_oldest");
  const blocking = new StagedRoute(3);
  const { spool } = await setUp({ sinks: [dropping, blocking], share: 1 });
  const bytes = spool.state.bytes / ALL;

  await expect(retention.relieve(0, 2 * bytes)).resolves.toBe(true);
  expect(dropping.asked).toEqual([2]);
  await expect(retention.relieve(2, 5 * bytes)).resolves.toBe(true);

  expect(dropping.asked).toEqual([2, 3]);
  expect(spool.state.firstOffset).toBe(3);
});

test("open runs come before sinks that drop: nothing is dropped that would free nothing", async () => {
  const dropping = new StagedRoute(0, "drop_oldest");
  const { assembler } = await setUp({ sinks: [dropping], assembler: new StagedRoute(0), share: 1 });

  await expect(retention.relieve(0, 1)).resolves.toBe(false);

  expect(assembler.asked).toEqual([1]);
  expect(Math.max(...dropping.asked)).toBe(0);
});

test("where others have made room meanwhile nothing is done, and where there is none it is said within a second", async () => {
  const sink = new StagedRoute(2);
  const { spool, clock } = await setUp({ sinks: [sink], share: 1 });
  await clock.advance(SWEEP_MS);
  const { syncs } = sink;

  await expect(retention.relieve(0, 1)).resolves.toBe(true);
  expect(sink.syncs).toBe(syncs);
  sink.sync = () => new Promise(() => undefined);
  const hanging = retention.relieve(spool.state.firstOffset, 1);
  await clock.advance(1_000);

  await expect(hanging).resolves.toBe(false);
  sink.sync = async () => true;
  retention = { ...retention, close: async () => undefined };
});

test("the sink that has the most to take is named, and none where all is settled", () => {
  const [file, lunary] = [
    { sink: "file", lag: 3 },
    { sink: "lunary", lag: 40 },
  ];

  expect(holderOf([file, lunary], 700)).toBe('the sink "lunary" has yet to take 40 records');
  expect(holderOf([{ sink: "file", lag: 0 }], 700)).toBe(
    "runs whose end is not stored yet keep 700 bytes of it",
  );
  expect(holderOf([{ sink: "file", lag: 0 }], 0)).toBeUndefined();
});

test.each([2 * 365 * 24, -2 * 365 * 24, 1, -1])(
  "a step of the wall clock by %d hours removes nothing early and keeps nothing long (P14, T60)",
  async (hours) => {
    const { spool, clock } = await setUp({ sinks: [new StagedRoute(ALL)] });

    clock.jump(hours * HOUR_MS);
    await clock.advance(HOUR_MS / 2);
    expect(spool.state.firstOffset).toBe(0);
    await clock.advance(HOUR_MS);
    expect(spool.state.firstOffset).toBe(10);
  },
);
