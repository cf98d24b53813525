import { ManualClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { createMemorySpool } from "../spool/memory.ts";
import { someRecords } from "../testing/spool-fixture.ts";
import { holderOf, openRetention, type Retained, type Retention } from "./retention.ts";

const HOUR_MS = 3_600_000;
const SWEEP_MS = 10_000;

let retention: Retention;
afterEach(() => retention.close());

/** Ten records in a spool with room for as many, or for a little more than ten when it is to be tight. */
async function setUp(options: { readonly routes: readonly Retained[]; readonly isTight?: boolean }) {
  const records = someRecords(0, 10);
  const bytes = records.reduce((sum, { body }) => sum + body.length, 0);
  const spool = createMemorySpool({ maxBytes: options.isTight ? bytes * 1.1 : bytes * 100 });
  const clock = new ManualClock();
  retention = openRetention({
    spool,
    partition: 0,
    clock,
    keepForMs: HOUR_MS,
    routes: () => options.routes,
  });
  await spool.append(records);
  return { spool, clock };
}

/** A route whose ledger says `settled` once it is synced, and 0 before. */
function aRoute(settled: number): Retained & { syncs: number } {
  return {
    syncs: 0,
    get lowOffset() {
      return this.syncs > 0 ? settled : 0;
    },
    async sync() {
      this.syncs++;
      return true;
    },
  };
}

test("what is settled stays for replay until it is old enough, and then goes", async () => {
  const { spool, clock } = await setUp({ routes: [aRoute(10)] });

  await clock.advance(HOUR_MS / 2);
  expect(spool.state.firstOffset).toBe(0);
  await clock.advance(HOUR_MS);

  expect(spool.state).toMatchObject({ firstOffset: 10, nextOffset: 10 });
});

test("the slowest route decides, whatever the age", async () => {
  const { spool, clock } = await setUp({ routes: [aRoute(10), aRoute(4)] });

  await clock.advance(2 * HOUR_MS);

  expect(spool.state.firstOffset).toBe(4);
});

test("when space is tight what is settled goes at once", async () => {
  const { spool, clock } = await setUp({ routes: [aRoute(7)], isTight: true });

  await clock.advance(SWEEP_MS);

  expect(spool.state.firstOffset).toBe(7);
});

test("nothing goes before the ledgers that allow it are durable", async () => {
  const route = aRoute(10);
  const { spool, clock } = await setUp({
    routes: [{ ...route, lowOffset: 0, sync: async () => false }],
    isTight: true,
  });

  await clock.advance(SWEEP_MS);

  expect(spool.state.firstOffset).toBe(0);
});

test("while there is room and nothing is old, no ledger is bothered", async () => {
  const route = aRoute(10);
  const { clock } = await setUp({ routes: [route] });

  await clock.advance(HOUR_MS / 2);

  expect(route.syncs).toBe(0);
});

test("a ledger that cannot be stored is tried again at the next sweep", async () => {
  const route = aRoute(10);
  let isFailing = true;
  const flaky: Retained = {
    get lowOffset() {
      return route.lowOffset;
    },
    sync: () => (isFailing ? Promise.reject(new Error("EIO")) : route.sync()),
  };
  const { spool, clock } = await setUp({ routes: [flaky], isTight: true });

  await clock.advance(SWEEP_MS);
  expect(spool.state.firstOffset).toBe(0);
  isFailing = false;
  await clock.advance(SWEEP_MS);

  expect(spool.state.firstOffset).toBe(10);
});

test("the sink that has the most to take is named, and none where all is settled", () => {
  const [file, lunary] = [
    { sink: "file", lag: 3 },
    { sink: "lunary", lag: 40 },
  ];

  expect(holderOf([file, lunary])).toBe('the sink "lunary" has yet to take 40 records');
  expect(holderOf([{ sink: "file", lag: 0 }])).toBeUndefined();
});
