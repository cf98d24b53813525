import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "@sluice/sdk";
import { createIds, endId, systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Binding, openPipeline, type Pipeline, readLetters } from "./pipeline.ts";
import { sinkOfType } from "./sinks/registry.ts";
import { readItem } from "./sources/ingest/item.ts";
import { openVerification } from "./verify.ts";

/** What the bus tells in pieces arrives whole at a sink. */
const ids = createIds(systemClock, systemRandom);
const session = { connector_id: "c-1", native_session_id: "s-1" };
const at = (second: number) => ({ timestamp: `2026-11-21T05:00:0${second}Z` });
const update = (second: number, call: object) => ({
  ...{ type: "SessionUpdate", ...at(second), ...session, update: { tool_call_id: "t-1", ...call } },
});

let dataDir: string;
let pipeline: Pipeline;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "sluice-pipeline-"));
});
afterEach(async () => {
  await pipeline.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(binding: Binding): Promise<void> {
  pipeline = await openPipeline({
    ...{ dataDir, clock: systemClock, disk: systemDisk, random: systemRandom },
    spool: { maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, keepForMs: 3_600_000 },
    sinks: [
      { name: "file", type: "file", enabled: true, params: sinkOfType("file")?.options.parse({}) ?? {} },
    ],
    binding,
    observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
  });
}
/** Longer than any test. */
const PATIENT: Binding = { withinMs: 3_600_000, unbound: "deliver" };

async function post(...payloads: readonly object[]): Promise<void> {
  const items = payloads.map((payload) => {
    const bytes = Buffer.from(JSON.stringify(payload));
    return readItem(bytes, undefined, ids, "2026-11-21T06:00:00.000Z");
  });
  const records = items.map((item) => ("record" in item ? item.record : expect.fail(item.detail)));
  const outcomes = await pipeline.intake.append(records);
  expect(outcomes.map(({ status }) => status)).toEqual(payloads.map(() => "appended"));
}

/** The events that reached the sink, as soon as there are so many. */
async function delivered(count: number): Promise<readonly Event[]> {
  const lines = () => {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return text.split("\n").slice(0, -1);
  };
  const file = join(dataDir, "events.jsonl");
  await expect.poll(() => lines().length, { timeout: 5_000 }).toBeGreaterThanOrEqual(count);
  await pipeline.drain(5_000);
  return lines().map((line): Event => JSON.parse(line));
}

test.each([
  ["bound to a trace", { scroll_id: "trace-1" }, "trace-1", PATIENT],
  ["never bound", {}, undefined, { withinMs: 0, unbound: "deliver" } as const],
])(
  "a message that is started and completed, %s, is one complete end",
  async (_name, scroll, traceId, binding) => {
    await open(binding);
    const message = { ...session, ...scroll, message_id: "m-1" };
    const usage = { input_tokens: 8, output_tokens: 3 };

    await post({ type: "SessionCreated", ...at(0), ...session, ...scroll });
    await post({ type: "MessageStarted", ...at(1), ...message, model: "m", input: "Hi" });
    await post({
      type: "MessageCompleted",
      ...at(2),
      ...message,
      output: "Ho",
      usage,
      stop_reason: "end_turn",
    });

    const [created, started, end, ...more] = await delivered(3);
    expect([created?.kind, started?.kind, end?.kind, more]).toEqual([
      ...["session.created", "run.started", "run.ended"],
      [],
    ]);
    expect([created?.traceId, started?.traceId]).toEqual([traceId, traceId]);
    expect(end?.id).toBe(endId(end?.runId ?? ""));
    expect(end).toMatchObject({
      ...{ time: "2026-11-21T05:00:02Z", session: { connector: "c-1", nativeId: "s-1" } },
      run: {
        ...{ type: "llm", name: "m", status: "ok", startTime: "2026-11-21T05:00:01Z" },
        request: { model: "m", input: "Hi" },
        response: { output: "Ho", finishReasons: ["end_turn"] },
        usage: { input: 8, output: 3, source: "provider" },
      },
    });
    expect(end?.traceId).toBe(traceId);
    expect(end).not.toHaveProperty("origin");
  },
);

test("what a session tells before its trace is known is delivered with it, also after a restart", async () => {
  await open(PATIENT);
  await post({ type: "SessionCreated", ...at(0), ...session });
  await post({ type: "MessageStarted", ...at(1), ...session, message_id: "m-1" });
  await pipeline.close();
  await open(PATIENT);
  await post({ type: "MessageCompleted", ...at(2), ...session, scroll_id: "trace-1", message_id: "m-1" });

  expect(await delivered(3)).toMatchObject([
    { kind: "session.created", traceId: "trace-1" },
    { kind: "run.started", traceId: "trace-1" },
    { kind: "run.ended", traceId: "trace-1", run: { status: "ok" } },
  ]);
});

test("what never gets a trace can be a dead letter that a person sends on, with a trace of their own", async () => {
  await open({ withinMs: 0, unbound: "dead_letter" });
  const assembler = () => pipeline.status().assembler.balance;
  await post({ type: "SessionCreated", ...at(0), ...session });
  await expect.poll(() => assembler().deadLettered, { timeout: 5_000 }).toBe(1);
  const [letter] = await Array.fromAsync(
    readLetters(systemDisk, join(dataDir, "deadletters", "assembler.jsonl")),
  );
  const event: Event = JSON.parse(Buffer.from(letter?.raw ?? []).toString());

  const desk = pipeline.letterDesk("assembler");
  const signal = new AbortController().signal;
  const retried = await desk.retry({ offsets: [letter?.offset ?? -1] }, signal, {
    ...event,
    traceId: "trace-9",
  });

  expect(retried).toEqual({ resolved: 1, refused: [] });
  expect(await delivered(1)).toMatchObject([{ kind: "session.created", traceId: "trace-9" }]);
  expect(assembler()).toMatchObject({ deadLettered: 1, pending: 0 });
  await pipeline.close();
  expect(await openVerification({ dataDir, disk: systemDisk })).toMatchObject({ isGood: true });
});

test("a tool call that is reported step by step is one complete run of type tool", async () => {
  await open({ withinMs: 0, unbound: "deliver" });
  await post(
    update(1, { type: "tool_call", name: "read", status: "pending", arguments: { path: "a" } }),
    update(2, { type: "tool_call_update", status: "in_progress" }),
    update(3, { type: "tool_call_update", status: "failed", error: "no such file" }),
  );

  const ends = (await delivered(3)).filter(({ kind }) => kind === "run.ended");
  expect(ends).toMatchObject([
    {
      time: "2026-11-21T05:00:03Z",
      run: {
        ...{ type: "tool", name: "read", status: "error", startTime: "2026-11-21T05:00:01Z" },
        ...{ request: { input: { path: "a" } }, error: { message: "no such file" } },
      },
    },
  ]);
});
