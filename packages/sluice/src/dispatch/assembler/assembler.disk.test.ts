import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { FLAG_ASSEMBLED, FLAG_PARTIAL } from "../../spool/spool.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import { PLACE, record } from "../route.test-support.ts";
import { openAssembler } from "./assembler.ts";
import { lettersOn } from "./letters.test-support.ts";

test("a disk that cannot be read for a while costs no run its end", async () => {
  const spool = new MemorySpool();
  const clock = new ManualClock();
  const states: string[] = [];
  const assembler = await openAssembler({
    spool,
    clock,
    bootId: "d.boot",
    place: PLACE,
    firstOffset: 0,
    openDeadLetters: lettersOn(),
    observer: {
      onAttempt() {},
      onHealth: ({ health }) => states.push(health.name),
      onInFlight() {},
      warn() {},
    },
  });
  await clock.advance(0);
  const time = "2026-01-01T00:00:00.000Z";
  const event = (id: string, kind: string) =>
    Buffer.from(JSON.stringify({ id, kind, time, runId: "r", run: { type: "llm", startTime: time } }));
  const { read } = spool;
  await spool.append([record("s", { kind: "run.started", runId: "r", body: event("s", "run.started") })]);
  await clock.advance(0);

  // The end is seen, and the start cannot be read back.
  spool.read = (partition, from, limit, signal) =>
    from === 0
      ? Promise.reject(Object.assign(new Error("EIO: read"), { code: "EIO" }))
      : read.call(spool, partition, from, limit, signal);
  const ended = record("e", { kind: "run.ended", runId: "r", body: event("e", "run.ended") });
  await spool.append([{ ...ended, flags: FLAG_PARTIAL }]);
  await clock.advance(10_000);
  expect(states).not.toContain("failed");
  spool.read = read;
  await clock.advance(60_000);

  const made = [...spool.records.values()].filter(({ flags }) => (flags & FLAG_ASSEMBLED) !== 0);
  expect(made).toHaveLength(1);
  expect(assembler.status).toMatchObject({ state: { name: "running" }, lag: 0 });
  await assembler.close();
});
