import { hash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeJson, encodeEvent } from "../../codec.ts";
import type { Event, JsonObject } from "../../event.ts";
import { checkEvent, endId, isComplete, isPiece } from "../../validate.ts";
import { parsePayload, stored, testGoldenFiles } from "../golden.test-support.ts";
import { bus } from "./bus.ts";

const NOW = "2026-11-21T06:00:00.000Z";
const SESSION = { connector_id: "c-1", native_session_id: "s-1" };
const golden = new URL("golden/", import.meta.url);

const tryRead = (payload: JsonObject) =>
  bus.read(payload, {
    ...{ hash: hash("sha256", JSON.stringify(payload)), now: NOW },
    mintId: () => expect.fail("no id of this form is minted"),
  });

function read(payload: JsonObject): Event {
  const result = tryRead(payload);
  return "event" in result ? result.event : expect.fail(JSON.stringify(result.fault));
}

const started = (more: JsonObject = {}) =>
  read({ type: "MessageStarted", timestamp: NOW, ...SESSION, message_id: "m-1", ...more });
const completed = (more: JsonObject = {}) =>
  read({ type: "MessageCompleted", timestamp: NOW, ...SESSION, message_id: "m-1", ...more });
const updated = (update: JsonObject, more: JsonObject = {}) =>
  read({ type: "SessionUpdate", timestamp: NOW, ...SESSION, ...more, update });

testGoldenFiles(golden, bus, read);

const NAMES = [
  ...["role", "model", "provider", "input", "params", "output", "usage", "stop_reason", "error", "metadata"],
  ...["scroll_id", "connector_id", "connector_uid", "message_id", "update", "data", "id", "7"],
  ...["__proto__", "constructor"],
];
const TOOL_NAMES = ["name", "title", "status", "arguments", "result", "error", "kind", "__proto__"];
const fit = fc.constantFrom(
  ...['"text"', '""', "null", "1.0", "-0", "9007199254740993", "[]", "{}", '{"message":"m","code":4}'],
  ...['"assistant"', '"user"', '"completed"', '"failed"', '"pending"', '{"input_tokens":9,"x":1.50}'],
  ...['{"arguments":null,"type":"plan"}', '{"tool_call_id":"t"}', '"cancelled"', "[null,{}]"],
);
const someOf = (names: readonly string[]) =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names), fit), { selector: ([name]) => name })
    .map((members) => members.map(([name, value]) => `"${name}":${value}`));
const updates = fc
  .tuple(fc.constantFrom("tool_call", "tool_call_update", "plan"), someOf(TOOL_NAMES))
  .map(
    ([type, members]) => `"update":{${[`"type":"${type}"`, '"tool_call_id":"t-1"', ...members].join(",")}}`,
  );

test("any event of the bus that is taken comes back as the very text it was, and nothing throws (E16)", () => {
  const types = fc.constantFrom(
    ...["SessionCreated", "MessageStarted", "MessageCompleted", "SessionUpdate", "SessionUpdate", "Other"],
  );
  const payloads = fc
    .tuple(types, someOf(NAMES), fc.option(updates))
    .chain(([type, members, update]) => {
      const fixed = [`"type":"${type}"`, '"timestamp":"2026-11-21T05:00:00.5+01:00"'];
      const ids = ['"native_session_id":"s-1"', '"connector_id":"c-1"', '"message_id":"m-1"'];
      const all = [...members, ...fixed, ...ids, ...(update === null ? [] : [update])];
      return fc.shuffledSubarray(all, { minLength: all.length - 1 });
    })
    .map((members) => JSON.stringify(decodeJson(`{${members.join(",")}}`)));
  let taken = 0;

  fc.assert(
    fc.property(payloads, (text) => {
      const result = tryRead(parsePayload(text));
      if ("fault" in result) return;
      taken++;

      expect(checkEvent(result.event)).toBeUndefined();
      expect(JSON.stringify(bus.write(stored(result.event)))).toBe(`[${text}]`);
    }),
    { numRuns: 3_000 },
  );

  expect(taken).toBeGreaterThan(500);
});

test("any JSON is carried as input, output, arguments, result, update and unknown field", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.boolean(), (value, isTool) => {
      const update = isTool
        ? { type: "tool_call", tool_call_id: "t", arguments: value, result: value }
        : { value };
      for (const more of [
        { type: "MessageStarted", input: value, x: value },
        { type: "MessageCompleted", output: value, error: value, x: value },
        { type: "SessionUpdate", update },
        { type: "Other", x: value },
      ]) {
        const text = JSON.stringify({ ...more, timestamp: NOW, ...SESSION, message_id: "m-1" });

        expect(JSON.stringify(bus.write(stored(read(parsePayload(text)))))).toBe(`[${text}]`);
      }
    }),
  );
});

test("a message's start and end are of one run, known within its session only", () => {
  const [start, end] = [started(), completed()];
  const elsewhere = started({ native_session_id: "s-2" });

  expect([start.kind, start.run?.writer, isPiece(end)]).toEqual(["run.started", undefined, true]);
  expect(end.runId).toBe(start.runId);
  expect(elsewhere.runId).not.toBe(start.runId);
});

test("the connector has one meaning under both its names", () => {
  const { connector_id, ...rest } = SESSION;
  const byUid = read({
    ...{ type: "MessageStarted", timestamp: NOW, ...rest, connector_uid: connector_id, message_id: "m-1" },
  });

  expect(byUid.runId).toBe(started().runId);
  expect(byUid.session).toEqual({ connector: "c-1", nativeId: "s-1" });
});

test.each([[{}], [{ scroll_id: "" }], [{ scroll_id: null }]])("%j is not bound to a trace", (scroll) => {
  expect(started(scroll)).not.toHaveProperty("traceId");
  expect(started({ scroll_id: "t-1" }).traceId).toBe("t-1");
});

test("the same bytes have the same id, and other bytes another", () => {
  expect(completed().id).toBe(completed().id);
  expect(completed().id).not.toBe(completed({ output: "x" }).id);
  expect(completed().id).not.toBe(completed({ native_session_id: "s-2" }).id);
});

test("a message that the model did not write is no run", () => {
  expect(started({ role: "user" })).toMatchObject({ kind: "bus.MessageStarted", data: { role: "user" } });
  expect(completed({ role: "user" }).kind).toBe("bus.MessageCompleted");
  expect(started({ role: null }).kind).toBe("run.started");
});

test("how a message ended is its status", () => {
  const statuses = [{}, { stop_reason: "cancelled" }, { error: "e" }, { error: null }].map(
    (more) => completed(more).run?.status,
  );

  expect(statuses).toEqual(["ok", "cancelled", "error", "ok"]);
});

test("a tool call is a run below its message, and its progress keeps it open", () => {
  const call = { type: "tool_call", tool_call_id: "t-1", name: "read" };
  const begun = updated(call, { message_id: "m-1" });
  const waiting = updated({ type: "tool_call_update", tool_call_id: "t-1", status: "in_progress" });
  const over = updated({ type: "tool_call_update", tool_call_id: "t-1", status: "completed" });

  expect(begun).toMatchObject({ kind: "run.started", parentRunId: started().runId, run: { type: "tool" } });
  expect(waiting).toMatchObject({ kind: "session.updated", runId: begun.runId });
  expect([over.kind, over.runId, isPiece(over)]).toEqual(["run.ended", begun.runId, true]);
});

test("a tool call that is over when it is first told of is a complete run", () => {
  const whole = updated({ type: "tool_call", tool_call_id: "t-1", status: "failed", error: "no" });

  expect(isComplete(whole)).toBe(true);
  expect(whole.id).toBe(endId(whole.runId ?? ""));
  expect(whole.run).toMatchObject({ status: "error", error: { message: "no" } });
});

test("what a tool was given and gave back is stored once", () => {
  const long = "x".repeat(1_000);
  const call = { type: "tool_call", tool_call_id: "t", status: "completed", arguments: long, result: [long] };

  expect(encodeEvent(updated(call)).split(long)).toHaveLength(3);
});

const valid = { type: "MessageStarted", timestamp: NOW, ...SESSION, message_id: "m-1" };
const update = { type: "tool_call", tool_call_id: "t" };

test.each([
  [{ ...valid, type: "" }, "type"],
  [{ ...valid, timestamp: "0001-01-01T00:00:00Z" }, "timestamp"],
  [{ ...valid, timestamp: 7 }, "timestamp"],
  [{ ...valid, scroll_id: "a\nb" }, "scroll_id"],
  [{ ...valid, connector_id: "" }, "connector_id"],
  [{ ...valid, connector_id: null }, "connector_uid"],
  [{ ...valid, native_session_id: "" }, "native_session_id"],
  [{ ...valid, message_id: null }, "message_id"],
  [{ ...valid, model: 7 }, "model"],
  [{ ...valid, params: [] }, "params"],
  [{ ...valid, type: "SessionCreated", metadata: "x" }, "metadata"],
  [{ ...valid, type: "MessageCompleted", usage: { output_tokens: -1 } }, "usage.output_tokens"],
  [{ ...valid, type: "MessageCompleted", usage: 7 }, "usage"],
  [{ ...valid, type: "MessageCompleted", stop_reason: 7 }, "stop_reason"],
  [{ ...valid, type: "SessionUpdate" }, "update"],
  [{ ...valid, type: "SessionUpdate", update: { ...update, tool_call_id: 1 } }, "update.tool_call_id"],
  [{ ...valid, type: "SessionUpdate", update: { ...update, name: 7 } }, "update.name"],
])("%j is refused by the path of the field", (payload, field) => {
  const result = tryRead(payload);

  expect("fault" in result && result.fault.field).toBe(field);
});

test("what the model asks for, and runs without a connector, are projected or left out", () => {
  const session = { connector: "c-1", id: "s-1" };
  const called = { id: "1", kind: "tool.called", time: NOW, runId: "r", tool: { id: "t-1", name: "read" } };
  const crashed = { type: "llm", startTime: NOW, status: "incomplete", reason: "crash" } as const;
  const ended = { id: "2", kind: "run.ended", time: NOW, runId: "r", session, run: crashed };

  expect(bus.write(called)).toEqual([]);
  expect(bus.write({ ...ended, run: { ...crashed, type: "agent" } })).toEqual([]);
  expect(bus.write({ ...called, session })).toMatchObject([
    { type: "SessionUpdate", message_id: "r", update: { tool_call_id: "t-1", status: "pending" } },
  ]);
  expect(bus.write(ended)).toMatchObject([
    { type: "MessageCompleted", native_session_id: "s-1", error: { message: "incomplete: crash" } },
  ]);
});
