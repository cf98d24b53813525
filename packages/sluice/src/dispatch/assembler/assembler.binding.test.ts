import { type Disk, deriveId, endId, faultyDisk, MemoryDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { FLAG_ASSEMBLED, FLAG_PARTIAL, FLAG_RESERVE, type NewRecord } from "../../spool/spool.ts";
import { assertBalance } from "../balance.ts";
import { deadLetterPath } from "../dead-letters/dead-letters.ts";
import { readLetters } from "../dead-letters/stored-letter.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import { LETTERS, NAME } from "./letters.test-support.ts";
import { createLogSink } from "./log-sink.ts";
import type { Binding } from "./parking.ts";
import { start, told, toldPiece, toldStart, toldWhole, whole } from "./pieces.test-support.ts";
import { openStage } from "./stage.test-support.ts";

const bound = (id: string) => deriveId(id, "bound");
const trace = { traceId: "trace" };

async function open(binding?: Binding, spool = new MemorySpool(), disk: Disk = new MemoryDisk()) {
  const stage = await openStage({ spool, disk, binding });
  const { made } = stage;
  return Object.assign(stage, {
    letters: () => Array.fromAsync(readLetters(disk, deadLetterPath(LETTERS, NAME))),
    /** Ids and traces of what the assembler appended. */
    madeTraces: () => made().map(({ event }) => [event.id, event.traceId]),
  });
}

test("what a session tells before its trace is known comes again with it, in order, and nobody else's", async () => {
  const { assembler, append, madeTraces } = await open();

  await append(told("a"), told("b", { nativeId: "other" }), told("c"));
  expect(madeTraces()).toEqual([]);
  await append(told("d", trace));

  expect(madeTraces()).toEqual([
    [bound("a"), "trace"],
    [bound("c"), "trace"],
  ]);
  expect(assembler.status.balance).toMatchObject({ pending: 5, delivered: 1 });
  await assembler.close();
});

test("a start that waits and an end that knows the trace become one run", async () => {
  const { assembler, append, spool } = await open();

  await append(toldStart("r"));
  await append(toldPiece("r", trace));

  const end = [...spool.records.values()].find(({ event }) => event.id === endId("r"));
  expect(end?.event).toMatchObject({
    traceId: "trace",
    run: { status: "ok", request: { input: "to r" }, pieces: [bound("start-r"), "piece-r"] },
  });
  await assembler.close();
});

test("what is never bound is delivered without a trace after the time that is set, down time not counted", async () => {
  const stage = await open({ withinMs: 10_000, unbound: "deliver" });
  await stage.append(toldStart("r"), toldPiece("r"));
  await stage.clock.advance(9_000);
  await stage.append(told("a"));

  await stage.reopen();
  await stage.clock.advance(9_900);
  expect(stage.madeTraces()).toEqual([]);
  await stage.clock.advance(100);

  expect(stage.madeTraces()).toEqual([
    ...[[bound("start-r")], [bound("piece-r")], [bound("a")], [endId("r")]].map(([id]) => [id, undefined]),
  ]);
  await stage.append(told("b", trace));
  expect(stage.madeTraces()).toHaveLength(4);
  await stage.assembler.close();
  expect(stage.clock.timers).toBe(0);
});

test("what is never bound is a dead letter if that is configured, in order, and nothing else waits for it", async () => {
  const stage = await open({ withinMs: 10_000, unbound: "dead_letter" });

  await stage.append(told("a"), told("b"));
  await stage.clock.advance(10_000);
  await stage.append(told("c"), told("d", trace));
  await stage.clock.advance(300);

  expect(stage.madeTraces()).toEqual([[bound("c"), "trace"]]);
  expect(await stage.letters()).toMatchObject([
    { id: "a", offset: 0, reason: "unbound", words: expect.stringContaining("trace") },
    { id: "b", offset: 1 },
  ]);
  const { balance } = stage.assembler.status;
  expect(balance).toMatchObject({ pending: 0, delivered: 1, deadLettered: 2, dropped: {} });
  assertBalance(balance);
  await stage.assembler.close();
});

test("a dead letter that the ledger did not get to stays one, though a trace has come since", async () => {
  const stage = await open({ withinMs: 10_000, unbound: "dead_letter" });
  await stage.append(told("before"));
  await stage.clock.advance(9_000);
  await stage.append(told("a"));
  // The first one is a letter; the ledger that says so is never stored.
  stage.spool.commit = async () => true;
  await stage.clock.advance(1_000);
  await stage.append(told("b", trace));
  await stage.reopen();
  await stage.clock.advance(300);

  expect(stage.madeTraces()).toEqual([[bound("a"), "trace"]]);
  expect(await stage.letters()).toMatchObject([{ id: "before" }]);
  expect(stage.assembler.status.balance).toMatchObject({ pending: 0, delivered: 1, deadLettered: 1 });
  await stage.assembler.close();
});

test("dead letters that cannot be written now are written later, and until then their events wait", async () => {
  let isBroken = true;
  const disk = faultyDisk(new MemoryDisk(), ({ operation }) =>
    isBroken && operation === "write" ? { code: "EIO" } : undefined,
  );
  const stage = await open({ withinMs: 10_000, unbound: "dead_letter" }, new MemorySpool(), disk);

  await stage.append(told("a"));
  await stage.clock.advance(10_000);
  expect(stage.assembler.status).toMatchObject({ state: { name: "waiting" }, balance: { pending: 1 } });
  isBroken = false;
  await stage.clock.advance(2_000);

  expect(await stage.letters()).toMatchObject([{ id: "a" }]);
  expect(stage.assembler.status.balance).toMatchObject({ pending: 0, deadLettered: 1 });
  await stage.assembler.close();
});

test("a dead letter that is sent again comes under the id it would have had, with the trace it was given", async () => {
  const { spool, assembler, madeTraces } = await open();
  const sink = createLogSink(spool);
  const outgoing = (record: NewRecord, more = {}) => {
    const event = { ...JSON.parse(Buffer.from(record.body).toString()), ...more };
    return { id: event.id, raw: Buffer.from(JSON.stringify(event)), event };
  };

  const batch = [outgoing(told("a"), trace), outgoing(toldWhole("r")), outgoing(told("a"), trace)];
  const { each } = (await sink.send(batch, new AbortController().signal)) as { each: readonly unknown[] };

  expect(each).toEqual([{ status: "delivered" }, { status: "delivered" }, { status: "delivered" }]);
  expect(madeTraces()).toEqual([
    [bound("a"), "trace"],
    [endId("r"), undefined],
  ]);
  await assembler.close();
});

test("an end that waited has the one id of its run's end, and counts if the run has ended otherwise", async () => {
  const stage = await open();
  await stage.append(toldWhole("r1"), toldWhole("r2"));
  await stage.append(whole("r2"));

  await stage.append(told("a", trace));
  await stage.clock.advance(300);

  expect(stage.madeTraces()).toEqual([[endId("r1"), "trace"]]);
  expect(stage.assembler.status.balance).toMatchObject({ pending: 0, skipped: { already_ended: 1 } });
  await stage.assembler.close();
});

test("an end that waited while its run was closed is the second revision of it", async () => {
  const stage = await open({ withinMs: 7_200_000, unbound: "deliver" });
  await stage.append(start("r"), toldWhole("r"));
  // The event itself is no sign of life for an hour and more.
  await stage.clock.advance(3_700_000);

  await stage.append(told("a", trace));

  expect(stage.madeTraces()).toEqual([
    [endId("r"), undefined],
    [endId("r", 2), "trace"],
  ]);
  await stage.assembler.close();
});

test("the ledger stands at the oldest that waits, and eviction lets it go", async () => {
  const stage = await open();
  await stage.append(told("a"), told("b"), told("c", { ...trace, nativeId: "other" }));
  await stage.assembler.sync();
  expect(stage.assembler.lowOffset).toBe(0);

  stage.assembler.evict(1);
  await stage.clock.advance(300);
  await stage.assembler.sync();

  expect(stage.madeTraces()).toEqual([[bound("a"), undefined]]);
  expect(stage.assembler.lowOffset).toBe(1);
  await stage.assembler.close();
});

test("of more than may wait, the oldest wait no longer", async () => {
  const stage = await open();
  await stage.append(...Array.from({ length: 16_384 }, (_, index) => told(`e${index}`)));
  await stage.clock.advance(100);
  expect(stage.madeTraces()).toEqual([]);

  await stage.append(told("one"), told("more"));

  expect(stage.madeTraces()).toEqual([
    [bound("e0"), undefined],
    [bound("e1"), undefined],
  ]);
  await stage.assembler.close();
});

test("where the spool is full copies use the reserve, one by one and in order", async () => {
  const stage = await open();
  const append = stage.spool.append.bind(stage.spool);
  const calls: number[] = [];
  stage.spool.append = async (records) => {
    const isOurs = records.some(({ flags }) => (flags & FLAG_ASSEMBLED) !== 0);
    if (!isOurs) return append(records);
    calls.push(records.length);
    if (records.every(({ flags }) => (flags & FLAG_RESERVE) !== 0)) return append(records);
    return records.map(() => ({ status: "full", reason: "disk limit" }));
  };

  await stage.append(told("a"), told("b"), told("c"), told("d", trace));
  expect(stage.assembler.status.state.name).toBe("waiting");
  await stage.clock.advance(2_000);

  expect(stage.madeTraces().map(([id]) => id)).toEqual(["a", "b", "c"].map(bound));
  expect(calls).toEqual([3, 1, 1, 1]);
  expect(stage.assembler.status.state.name).toBe("running");
  await stage.assembler.close();
});

test("after a restart nothing is bound twice, and what was not bound yet is", async () => {
  const stage = await open();
  await stage.append(told("a"), toldStart("r"), told("b", trace), told("c"), told("d", { nativeId: "x" }));
  const before = stage.madeTraces();
  const appends: number[] = [];
  const append = stage.spool.append.bind(stage.spool);
  stage.spool.append = (records) => {
    appends.push(records.length);
    return append(records);
  };

  stage.spool.ledgers.clear();
  await stage.reopen();
  expect([appends, stage.madeTraces()]).toEqual([[], before]);
  await stage.append(told("e", { traceId: "second" }));

  expect(stage.madeTraces()).toEqual([...before, [bound("c"), "second"]]);
  expect([...stage.spool.records.values()].filter(({ flags }) => (flags & FLAG_PARTIAL) !== 0)).toHaveLength(
    4,
  );
  await stage.assembler.close();
});
