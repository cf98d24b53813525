import { type Event, KIND_CODES, type Run } from "@sluice/sdk";
import { deriveId, ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { Received } from "../../spool/received.ts";
import {
  FLAG_ASSEMBLED,
  FLAG_CLOSING,
  FLAG_PARTIAL,
  FLAG_REVISION,
  type NewRecord,
} from "../../spool/spool.ts";
import { assertBalance } from "../balance.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import { appendLateEnd } from "./ends.ts";
import { openStage } from "./stage.test-support.ts";

const BOOT = "d474d17.boot2";
const EARLIER = "d474d17.boot1";

function spooled(event: Event, flags = 0): NewRecord {
  const orderKey = event.traceId ?? event.runId;
  return {
    id: event.id,
    kindCode: KIND_CODES[event.kind as keyof typeof KIND_CODES] ?? 0,
    flags,
    ...(event.runId !== undefined && { runId: event.runId }),
    ...(orderKey !== undefined && { orderKey }),
    received: new Received(new Uint8Array()),
    body: Buffer.from(JSON.stringify(event)),
  };
}

const time = "2026-01-01T00:00:00.000Z";
function start(runId: string, run: Partial<Run> = {}, more: Partial<Event> = {}): NewRecord {
  const request = { model: "gpt", input: "hi" };
  return spooled({
    id: `start-${runId}`,
    kind: "run.started",
    time,
    runId,
    run: { type: "llm", startTime: time, request, ...run },
    ...more,
  });
}
function piece(runId: string, run: Partial<Run> = {}, id = `end-${runId}`): NewRecord {
  const output = { output: "hello" };
  return spooled(
    {
      id,
      kind: "run.ended",
      time: "2026-01-01T00:00:09.000Z",
      runId,
      run: { type: "llm", response: output, ...run },
    },
    FLAG_PARTIAL,
  );
}
function whole(runId: string): NewRecord {
  const run = { type: "llm", startTime: time, status: "ok" as const };
  return spooled({ id: deriveId(runId, "ended"), kind: "run.ended", time, runId, run });
}

const open = (spool = new MemorySpool(), clock = new ManualClock()) =>
  openStage({ spool, clock, bootId: BOOT });

test("a start and an end that came apart become one complete end with what both know", async () => {
  const { assembler, append, made } = await open();

  await append(
    start(
      "r1",
      { name: "chat" },
      {
        scope: { kind: "user", id: "u" },
        tags: ["a"],
        metadata: { x: 1, y: 1 },
        traceId: "t1",
        parentRunId: "p",
      },
    ),
    piece("r1", { usage: { input: 3, source: "provider" } }),
  );

  const [end] = made();
  expect(made().length).toBe(1);
  expect(end?.flags).toBe(FLAG_ASSEMBLED);
  expect(end?.event).toMatchObject({
    id: deriveId("r1", "ended"),
    kind: "run.ended",
    time: "2026-01-01T00:00:09.000Z",
    runId: "r1",
    traceId: "t1",
    parentRunId: "p",
    scope: { kind: "user", id: "u" },
    tags: ["a"],
    metadata: { x: 1, y: 1 },
    run: {
      status: "ok",
      name: "chat",
      startTime: time,
      request: { model: "gpt", input: "hi" },
      response: { output: "hello" },
      usage: { input: 3 },
      pieces: ["start-r1", "end-r1"],
    },
  });
  expect(assembler.status.balance).toMatchObject({
    accepted: 3,
    pending: 0,
    delivered: 2,
    skipped: { not_a_piece: 1 },
  });
  await assembler.close();
});

test("an end may come before its start", async () => {
  const { assembler, append, made } = await open();

  await append(piece("r1", { error: { message: "no" } }));
  await append(start("r1"));

  expect(made().map(({ event }) => event.run?.status)).toEqual(["error"]);
  await assembler.close();
});

test("a run with a writer is only watched, and the writer's end settles it", async () => {
  const { assembler, append, made } = await open();

  await append(start("r1", { writer: BOOT }), start("r2", { writer: "sdk-instance" }));
  expect(assembler.openRuns).toBe(2);
  await append(whole("r1"), whole("r2"));

  expect(made()).toEqual([]);
  expect(assembler.openRuns).toBe(0);
  expect(assembler.status.balance).toMatchObject({ pending: 0, delivered: 0, skipped: { not_a_piece: 4 } });
  await assembler.close();
});

test("at start-up what an earlier boot left open is closed as crashed, once; an SDK's run is not", async () => {
  const spool = new MemorySpool();
  await spool.append([
    start("dead", { writer: EARLIER }),
    start("done", { writer: EARLIER }),
    whole("done"),
    start("sdk", { writer: "other.boot" }),
  ]);

  const stage = await open(spool);
  await stage.reopen();
  await stage.reopen();

  const [end] = stage.made();
  expect(stage.made().length).toBe(1);
  expect(end?.flags).toBe(FLAG_ASSEMBLED | FLAG_CLOSING);
  expect(end?.event).toMatchObject({
    id: deriveId("dead", "ended"),
    run: {
      status: "incomplete",
      reason: "crash",
      request: { input: "hi" },
      startTime: time,
      pieces: ["start-dead"],
    },
  });
  expect(end?.event.run?.writer).toBeUndefined();
  expect(stage.assembler.openRuns).toBe(1);
  assertBalance(stage.assembler.status.balance);
  await stage.assembler.close();
});

test("a run is closed an hour after the last sign of life of its trace, down time not counted", async () => {
  const stage = await open();
  await stage.append(start("quiet"), start("parent", {}, { traceId: "t" }));
  await stage.clock.advance(3_000_000);
  await stage.append(start("child", { writer: BOOT }, { traceId: "t" }));
  stage.clock.jump(86_400_000);
  await stage.clock.advance(1_000_000);
  expect(stage.made().map(({ event }) => event.runId)).toEqual(["quiet"]);

  await stage.reopen();
  await stage.clock.advance(3_500_000);
  expect(stage.made().length).toBe(1);
  await stage.clock.advance(200_000);

  const reasons = stage.made().map(({ event }) => [event.runId, event.run?.reason]);
  expect(reasons).toEqual([
    ["quiet", "timeout"],
    ["parent", "timeout"],
    ["child", "timeout"],
  ]);
  expect(stage.assembler.status.balance.pending).toBe(0);
  await stage.assembler.close();
});

test("an end that comes after its run was closed becomes revision 2, a further one is counted", async () => {
  const stage = await open();
  await stage.append(start("r1"));
  await stage.clock.advance(3_700_000);

  await stage.append(piece("r1"));
  await stage.append(piece("r1", {}, "again"));

  const [, revision] = stage.made();
  expect(stage.made().length).toBe(2);
  expect(revision?.flags).toBe(FLAG_ASSEMBLED | FLAG_REVISION);
  expect(revision?.event).toMatchObject({
    id: deriveId("r1", "ended:2"),
    time: "2026-01-01T00:00:09.000Z",
    run: {
      status: "ok",
      revision: 2,
      startTime: time,
      response: { output: "hello" },
      request: { input: "hi" },
      pieces: ["start-r1", "end-r1"],
    },
  });
  expect(revision?.event.run?.reason).toBeUndefined();
  expect(stage.assembler.status.balance).toMatchObject({
    pending: 0,
    delivered: 2,
    skipped: { already_ended: 1 },
  });
  await stage.assembler.close();
});

test("an end of a run that was closed before a restart becomes revision 2 at once, and only once", async () => {
  const stage = await open();
  await stage.append(start("r1"), start("r2"), piece("r2"));
  await stage.clock.advance(3_700_000);
  await stage.assembler.sync();
  await stage.reopen();

  await stage.append(piece("r1"), piece("r2", {}, "further"));
  const revisions = () => stage.made().filter(({ flags }) => (flags & FLAG_REVISION) !== 0);
  expect(revisions().map(({ event }) => event.id)).toEqual([deriveId("r1", "ended:2")]);
  expect(stage.assembler.openRuns).toBe(0);
  await stage.reopen();

  expect(revisions()).toHaveLength(1);
  expect(stage.assembler.status.balance).toMatchObject({ pending: 0, skipped: { already_ended: 1 } });
  await stage.assembler.close();
});

test("while some ends find no room in the spool, those that did let go of what they were made of (P6)", async () => {
  const stage = await open();
  const { append } = stage.spool;
  let room = 2;
  stage.spool.append = async (records) =>
    Promise.all(
      records.map(async (record) => {
        const isMade = (record.flags & FLAG_ASSEMBLED) !== 0;
        if (isMade && room-- <= 0) return { status: "full", reason: "no room" } as const;
        const [outcome] = await append.call(stage.spool, [record]);
        return outcome ?? ({ status: "full", reason: "no room" } as const);
      }),
    );
  const runs = ["r1", "r2", "r3", "r4"];

  await stage.append(...runs.flatMap((run) => [start(run), piece(run)]));
  const during = stage.assembler.status;
  await stage.assembler.sync();
  const low = stage.assembler.lowOffset;
  room = 9;
  await stage.clock.advance(2_000);

  expect(during).toMatchObject({ state: { name: "waiting" }, balance: { delivered: 4, pending: 6 } });
  expect(low).toBe(4);
  expect(stage.made()).toHaveLength(4);
  await stage.assembler.close();
});

test("a source's end becomes a revision of a closing record, and a conflict with a real end", async () => {
  const stage = await open();
  await stage.append(start("r1", { writer: "sdk" }), start("r2"));
  await stage.clock.advance(3_700_000);
  const ends = ["r1", "r2"].map(
    (runId) => ({ ...JSON.parse(Buffer.from(whole(runId).body).toString()), time: "later" }) as Event,
  );
  const signal = new AbortController().signal;

  const offsets = stage.made().map(({ offset }) => offset);
  const late = await appendLateEnd(stage.spool, 0, ends[0] as Event, offsets[0] ?? 0, signal);
  const again = await appendLateEnd(stage.spool, 0, ends[0] as Event, offsets[0] ?? 0, signal);
  const [taken] = await stage.append(whole("r3"));
  const conflict = await appendLateEnd(
    stage.spool,
    0,
    { ...(ends[0] as Event), runId: "r3" },
    taken?.status === "appended" ? taken.offset : 0,
    signal,
  );

  expect([late.status, again.status, conflict.status]).toEqual(["appended", "duplicate", "conflict"]);
  await stage.assembler.close();
});

test("nothing is appended before recovery has read the tail, and then only what is missing", async () => {
  const spool = new MemorySpool();
  const many = Array.from({ length: 2_000 }, (_, index) => start(`r${index}`));
  await spool.append([...many, ...many.map((_, index) => piece(`r${index}`))]);
  const before = await open(spool);
  await before.clock.advance(1);
  expect(before.made().length).toBe(2_000);

  // The ledger is lost: everything is folded anew, and the ends that are there are found behind all starts
  // and pieces.
  const appends: number[] = [];
  const append = spool.append.bind(spool);
  spool.append = (records) => {
    appends.push(records.length);
    return append(records);
  };
  spool.ledgers.clear();
  await before.reopen();
  await before.append(start("open"), start("late"), piece("late"));

  expect(appends).toEqual([3, 1]);
  expect(before.assembler.openRuns).toBe(1);
  expect(before.assembler.status.balance).toMatchObject({
    delivered: 4_000,
    skipped: { not_a_piece: 2_000 },
  });
  await before.assembler.close();
});

test("the ledger stands at the oldest open run, and no crash loses a run or makes one twice", async () => {
  const stage = await open();
  for (let round = 0; round < 30; round++) {
    await stage.append(start(`r${round}`));
    if (round % 3 !== 0) await stage.append(piece(`r${round}`));
    if (round % 4 === 0) await stage.clock.advance(250);
    if (round % 7 === 0) await stage.reopen();
    assertBalance(stage.assembler.status.balance);
  }

  await stage.assembler.sync();
  expect(stage.assembler.lowOffset).toBe(0);
  for (let round = 0; round < 30; round += 3) await stage.append(piece(`r${round}`));
  await stage.assembler.sync();

  const runs = stage.made().map(({ event }) => event.runId);
  expect(new Set(runs).size).toBe(30);
  expect(runs.length).toBe(30);
  expect(stage.assembler.status.balance).toMatchObject({ accepted: 90, pending: 0, delivered: 60 });
  expect(stage.assembler.lowOffset).toBe(90);
  await stage.assembler.close();
});

test("an append that is refused is tried again until it is in, and nothing is read meanwhile", async () => {
  const stage = await open();
  const append = stage.spool.append.bind(stage.spool);
  const isOurs = ([record]: readonly NewRecord[]) => ((record?.flags ?? 0) & FLAG_ASSEMBLED) !== 0;
  let isFull = true;
  stage.spool.append = async (records) =>
    isFull && isOurs(records)
      ? records.map(() => ({ status: "full", reason: "disk limit" }))
      : append(records);
  await stage.append(start("r1"), piece("r1"), start("r2"), piece("r2"));
  await stage.clock.advance(10_000);

  expect(stage.assembler.status).toMatchObject({ state: { name: "waiting", reason: "disk limit" } });
  isFull = false;
  await stage.clock.advance(30_000);

  expect(stage.made().length).toBe(2);
  expect(stage.assembler.status).toMatchObject({ state: { name: "running" }, balance: { pending: 0 } });
  await stage.assembler.close();
});

test("what is no event, and a tail that cannot be read, hold up neither recovery nor others", async () => {
  const spool = new MemorySpool();
  const broken = { ...start("broken"), body: Buffer.from("{nonsense") };
  await spool.append([broken, start("dead", { writer: EARLIER }), piece("broken"), whole("x"), whole("y")]);
  spool.damage(4);

  const stage = await open(spool);
  await stage.clock.advance(2_000);

  expect(stage.made().map(({ event }) => event.runId)).toEqual(["dead"]);
  await stage.append(start("r1"), piece("r1"));
  expect(stage.made().map(({ event }) => event.runId)).toEqual(["dead", "r1"]);
  expect(stage.assembler.status.balance.dropped).toEqual({});
  await stage.clock.advance(3_700_000);
  assertBalance(stage.assembler.status.balance);
  expect(stage.assembler.status.balance).toMatchObject({ pending: 0, dropped: { damaged: 1 } });
  await stage.assembler.close();
  expect(stage.clock.timers).toBe(0);
});

test("evicting closes the open runs that need old records, and releases what they pinned", async () => {
  const stage = await open();
  await stage.append(start("r1"), start("r2", { writer: BOOT }), start("r3"));

  stage.assembler.evict(2);
  await stage.clock.advance(300);
  await stage.assembler.sync();

  expect(stage.made().map(({ event }) => [event.runId, event.run?.reason])).toEqual([
    ["r1", "evicted"],
    ["r2", "evicted"],
  ]);
  expect(stage.assembler.lowOffset).toBe(2);
  await stage.assembler.close();
});

test("a piece of a run that has its whole end changes nothing, and is counted", async () => {
  const stage = await open();
  await stage.append(start("r1"), piece("r1"), start("r2", { writer: BOOT }), whole("r2"));

  await stage.append(piece("r1", {}, "again"), piece("r2"));

  expect(stage.made().map(({ event }) => event.runId)).toEqual(["r1"]);
  expect(stage.assembler.status.balance).toMatchObject({ pending: 0, skipped: { already_ended: 2 } });
  await stage.assembler.close();
});
