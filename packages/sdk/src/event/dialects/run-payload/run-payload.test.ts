import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEvent, decodeJson } from "../../codec.ts";
import type { Event } from "../../event.ts";
import { checkEvent, isPiece } from "../../validate.ts";
import { parsePayload, stored, testGoldenFiles } from "../golden.test-support.ts";
import type { RunPayload } from "./names.ts";
import { fromRunPayload, runPayload, toRunPayloads } from "./run-payload.ts";

const NOW = "2026-11-21T06:00:00.000Z";
const RUN_ID = "9f8b3c7e-5d0a-4c1e-9a52-0d5b7a1c2f10";
const golden = new URL("golden/", import.meta.url);

function read(payload: RunPayload): Event {
  const result = fromRunPayload(payload, "hash", NOW);
  if ("fault" in result) throw new Error(JSON.stringify(result.fault));
  return result.event;
}

testGoldenFiles(golden, runPayload, read);

test("any payload comes back as the very text it was (feature rows 1 to 6)", () => {
  const names = fc.constantFrom(
    ...[
      "name",
      "input",
      "output",
      "userId",
      "userProps",
      "tokensUsage",
      "extra",
      "params",
      "metadata",
      "tags",
    ],
    ...["error", "feedback", "parentRunId", "timestamp", "log_id", "__proto__", "constructor", "data", "7"],
  );
  const fit = fc.constantFrom(
    ...['"text"', '""', "null", "1.0", "-0", "[]", '["a","b"]', "{}", '{"message":"m","more":1}', "0.50"],
    ...['{"prompt":9,"completion":4,"promptCached":2}', '"2026-11-21T05:00:00+01:00"', "1795237201500"],
  );
  const types = fc.constantFrom("llm", "embed", "embedding", "log", "thread", "chain");
  const events = fc.constantFrom("start", "end", "error", "feedback", "update", "custom-event");
  const payloads = fc
    .tuple(types, events, fc.uniqueArray(fc.tuple(names, fit), { selector: ([name]) => name }))
    .chain(([type, event, fields]) => {
      const fixed = [`"type":"${type}"`, `"event":"${event}"`, '"runId":"run-1"'];
      return fc.shuffledSubarray([...fixed, ...fields.map(([name, value]) => `"${name}":${value}`)], {
        minLength: fields.length + 3,
      });
    })
    .map((fields) => JSON.stringify(decodeJson(`{${fields.join(",")}}`)));
  let converted = 0;

  fc.assert(
    fc.property(payloads, (text) => {
      const result = fromRunPayload(parsePayload(text), "hash", NOW);
      if ("fault" in result) return;
      converted++;

      expect(checkEvent(result.event)).toBeUndefined();
      expect(JSON.stringify(toRunPayloads(stored(result.event)))).toBe(`[${text}]`);
    }),
    { numRuns: 3_000 },
  );

  expect(converted).toBeGreaterThan(300);
});

test("a start opens a run without a writer, and an end is a piece of its end", () => {
  const start = read({ type: "llm", event: "start", runId: RUN_ID, timestamp: NOW });
  const end = read({ type: "llm", event: "end", runId: RUN_ID, timestamp: NOW });

  expect(start).toMatchObject({ kind: "run.started", runId: RUN_ID, run: { type: "llm", startTime: NOW } });
  expect(start.run).not.toHaveProperty("writer");
  expect(isPiece(end)).toBe(true);
});

test("the same bytes have the same id, and other bytes another", () => {
  const payload = { type: "llm", event: "end", runId: RUN_ID };
  const ids = ["a", "a", "b"].map((hash) => {
    const result = fromRunPayload(payload, hash, NOW);
    return "event" in result ? result.event.id : undefined;
  });

  expect(ids[0]).toBe(ids[1]);
  expect(ids[0]).not.toBe(ids[2]);
});

test("token counts become disjoint buckets", () => {
  const tokensUsage = { prompt: 100, completion: 20, promptCached: 60 };

  const { run } = read({ type: "llm", event: "end", runId: RUN_ID, tokensUsage });

  expect(run?.usage).toEqual({ input: 40, cacheRead: 60, output: 20, source: "provider", raw: tokensUsage });
});

test.each([
  [{ event: "start", runId: "r" }, "type"],
  [{ type: null, event: "start", runId: "r" }, "type"],
  [{ type: "llm", runId: "r" }, "event"],
  [{ type: "llm", event: "start" }, "runId"],
  [{ type: "llm", event: "x".repeat(101), runId: "r" }, "event"],
  [{ type: "llm", event: "start", runId: "a\nb" }, "runId"],
  [{ type: "llm", event: "start", runId: "r", timestamp: "soon" }, "timestamp"],
  [{ type: "llm", event: "start", runId: "r", userId: 5 }, "userId"],
  [{ type: "llm", event: "start", runId: "r", metadata: [] }, "metadata"],
  [{ type: "llm", event: "start", runId: "r", tags: [1] }, "tags[0]"],
  [{ type: "llm", event: "end", runId: "r", tokensUsage: { prompt: -1 } }, "tokensUsage.prompt"],
  [{ type: "llm", event: "end", runId: "r", tokensUsage: { completion: "7" } }, "tokensUsage.completion"],
  [{ event: "feedback", runId: "r" }, "feedback"],
])("%j is refused by the field's foreign name", (payload, field) => {
  const result = fromRunPayload(payload, "hash", NOW);

  expect("fault" in result && result.fault.field).toBe(field);
});

const complete: Event = {
  id: "e-1",
  kind: "run.ended",
  time: "2026-11-21T05:00:02Z",
  runId: RUN_ID,
  scope: { kind: "user", id: "u-1" },
  run: {
    type: "embedding",
    name: "m",
    startTime: "2026-11-21T05:00:00Z",
    status: "ok",
    request: { model: "m", input: "text", params: { dimensions: 3 } },
    response: { output: "done" },
    usage: { input: 5, cacheRead: 2, output: 3, reasoning: 4, source: "provider", raw: { prompt_tokens: 7 } },
  },
};

test("a complete end is projected to a start and an end, with all tokens counted", () => {
  const [start, end, ...more] = toRunPayloads(complete);

  expect(more).toEqual([]);
  expect(start).toEqual({
    ...{ type: "embed", event: "start", runId: RUN_ID, name: "m", timestamp: "2026-11-21T05:00:00Z" },
    ...{ input: "text", userId: "u-1", params: { dimensions: 3 } },
  });
  expect(end).toEqual({
    ...{ type: "embed", event: "end", runId: RUN_ID, name: "m", timestamp: "2026-11-21T05:00:02Z" },
    ...{ output: "done", userId: "u-1", tokensUsage: { completion: 7, prompt: 7, promptCached: 2 } },
  });
});

test("a run that never ended is projected to an error that says why", () => {
  const run = { ...complete.run, type: "llm", status: "incomplete" as const, reason: "crash" };

  const [, end] = toRunPayloads({ ...complete, run });

  expect(end).toMatchObject({ event: "error", error: { message: "incomplete: crash" } });
});

test("a cancelled run is projected to an end that says so", () => {
  const run = { ...complete.run, type: "llm", status: "cancelled" as const, reason: "client_gone" };

  const [, end] = toRunPayloads({ ...complete, run, metadata: { a: 1 } });

  expect(end).toMatchObject({ event: "end", metadata: { a: 1, status: "cancelled", reason: "client_gone" } });
});

test("kinds without a place in this dialect are left out", () => {
  expect(toRunPayloads({ id: "1", kind: "tool.called", time: NOW, runId: "r", tool: { name: "t" } })).toEqual(
    [],
  );
});

test("a count that keeps its text (10.0) is added to the others", () => {
  const usage = '{"input":10.0,"cacheRead":2,"source":"counted"}';
  const text = JSON.stringify(complete).replace(/"usage":\{.*?\}\}/, `"usage":${usage}`);

  const [, end] = toRunPayloads(decodeEvent(Buffer.from(text)));

  expect(end).toMatchObject({ tokensUsage: { prompt: 12, promptCached: 2 } });
});

test("an event name that could not be part of a kind is refused", () => {
  const result = fromRunPayload({ event: "a\nb", type: "llm", runId: "r" }, "hash", NOW);

  expect(result).toMatchObject({ fault: { code: "invalid_field", field: "event" } });
});
