import { type Event, KIND_CODES } from "@sluice/sdk";
import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { Received } from "../../spool/received.ts";
import { FLAG_CLOSING, FLAG_PARTIAL, type NewRecord } from "../../spool/spool.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import { PLACE } from "../route.test-support.ts";
import { openAssembler } from "./assembler.ts";
import { lettersOn } from "./letters.test-support.ts";

const EIO = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
const time = "2026-01-01T00:00:00.000Z";

function spooled(event: Event, flags = 0): NewRecord {
  const { id, kind, runId = "" } = event;
  const kindCode = KIND_CODES[kind as keyof typeof KIND_CODES];
  const received = new Received(new Uint8Array());
  return { id, kindCode, flags, runId, orderKey: runId, received, body: Buffer.from(JSON.stringify(event)) };
}

function start(runId: string, writer?: string): NewRecord {
  const run = {
    type: "llm",
    startTime: time,
    request: { model: "m", input: "hi" },
    ...(writer && { writer }),
  };
  return spooled({ id: `start-${runId}`, kind: "run.started", time, runId, run });
}

function piece(runId: string): NewRecord {
  const run = { type: "llm", response: { output: "hello" } };
  return spooled({ id: `end-${runId}`, kind: "run.ended", time, runId, run }, FLAG_PARTIAL);
}

async function open(spool: MemorySpool, clock: ManualClock) {
  const warnings: string[] = [];
  const observer = {
    onAttempt() {},
    onHealth() {},
    onInFlight() {},
    warn: (message: string) => warnings.push(message),
  };
  const options = { spool, clock, bootId: "d474d17.boot2", place: PLACE, firstOffset: 0, observer };
  const assembler = await openAssembler({ ...options, openDeadLetters: lettersOn() });
  await clock.advance(0);
  return { assembler, warnings };
}

const made = (spool: MemorySpool) =>
  [...spool.records.values()].filter(({ event }) => event.id.length === 36);

test("while the spool cannot be read nothing is concluded from what is missing, and then runs are closed (P7)", async () => {
  const spool = new MemorySpool();
  const clock = new ManualClock();
  await spool.append([start("dead", "d474d17.boot1")]);
  spool.unreadable = EIO;
  const { assembler, warnings } = await open(spool, clock);

  await clock.advance(60_000);
  const during = { made: made(spool).length, status: assembler.status };
  spool.unreadable = undefined;
  await clock.advance(60_000);

  expect(during).toMatchObject({
    made: 0,
    status: { state: { name: "running" }, health: { name: "unavailable" } },
  });
  expect(warnings).toHaveLength(1);
  expect(made(spool).map(({ flags }) => flags & FLAG_CLOSING)).toEqual([FLAG_CLOSING]);
  expect(assembler.status.health.name).toBe("healthy");
  await assembler.close();
});

test("a run whose start cannot be read back waits for the disk, and is joined then (P7)", async () => {
  const spool = new MemorySpool();
  const clock = new ManualClock();
  const { assembler } = await open(spool, clock);
  await spool.append([start("a")]);
  await clock.advance(0);
  const read = spool.read.bind(spool);
  let refused = 0;
  // What is new can be read, what lies further back cannot.
  spool.read = (partition, from, limit, signal) => {
    if (from > 0 || refused >= 3) return read(partition, from, limit, signal);
    refused++;
    return Promise.reject(EIO);
  };

  await spool.append([piece("a")]);
  await clock.advance(60_000);

  expect(refused).toBe(3);
  const [end] = made(spool);
  expect(end?.event.run).toMatchObject({ request: { input: "hi" }, response: { output: "hello" } });
  await assembler.close();
});
