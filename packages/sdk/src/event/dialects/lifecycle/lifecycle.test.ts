import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bracketedEntry } from "../../../logfile/bracketed.ts";
import { decodeJson } from "../../codec.ts";
import type { Event } from "../../event.ts";
import { checkEvent, endId, isComplete } from "../../validate.ts";
import { parsePayload, stored, testGoldenFiles } from "../golden.test-support.ts";
import { lifecycle } from "./lifecycle.ts";
import { LIFECYCLE_FIELDS, type LifecyclePayload } from "./names.ts";

const NOW = "2026-11-21T06:00:00.000Z";
const golden = new URL("golden/", import.meta.url);

function read(payload: LifecyclePayload, now = NOW): Event {
  const result = lifecycle.read(payload, { hash: "hash", now, mintId: () => "minted" });
  if ("fault" in result) throw new Error(JSON.stringify(result.fault));
  return result.event;
}

testGoldenFiles(golden, lifecycle, (payload) => read(payload));

test.each(["init-start", "tool-call"])(
  "%s is printed byte for byte as the emitter's own log has it",
  (name) => {
    const payload = parsePayload(readFileSync(new URL(`${name}.json`, golden), "utf8"));
    const entry = readFileSync(new URL(`${name}.log`, golden), "utf8");
    const time = `${entry.slice(1, 20).replace(" ", "T")}.789Z`;

    const event = read(payload, time);
    const { origin: _origin, ...canonical } = event;

    expect(`${bracketedEntry(stored(event))}\n`).toBe(entry);
    expect(`${bracketedEntry(canonical)}\n`).toBe(entry);
  },
);

const fit = [
  ...['"text"', '""', "null", "1.0", "-0", "1e400", "9007199254740993", "[]", '["a",1]', "{}", "true"],
  ...['{"a":{"b":[0.50]}}', '"ü\\ud800"', '{"custom_fields":{"input_tokens":"7","output_tokens":"x"}}'],
];
const eventTypes = [...Object.keys(LIFECYCLE_FIELDS), "LLM_GENERATION_START", "x", "constructor"];
const fieldNames = [
  ...Object.values(LIFECYCLE_FIELDS).flat(),
  ...["id", "timestamp", "log_id", "__proto__", "constructor", "data", "7", "runId"],
];

test("any payload is refused by name, or comes back as the very text it was (E16)", () => {
  const optional = [...new Set(fieldNames)].filter((name) => name !== "provider" && name !== "model_id");
  const fields = fc.uniqueArray(fc.tuple(fc.constantFrom(...optional), fc.constantFrom(...fit)), {
    selector: ([name]) => name,
    maxLength: 8,
  });
  const payloads = fc.tuple(fc.constantFrom(...eventTypes), fields).chain(([type, more]) => {
    const fixed = [`"event_type":"${type}"`, '"provider":"openai"', '"model_id":"m"'];
    return fc
      .shuffledSubarray([...fixed, ...more.map(([name, value]) => `"${name}":${value}`)], {
        minLength: more.length + 3,
      })
      .map((members) => JSON.stringify(decodeJson(`{${members.join(",")}}`)));
  });
  let converted = 0;

  fc.assert(
    fc.property(payloads, (text) => {
      const result = lifecycle.read(parsePayload(text), { hash: "h", now: NOW, mintId: () => "minted" });
      if ("fault" in result) {
        expect(fieldNames).toContain(result.fault.field);
        return;
      }
      converted++;
      expect(checkEvent(result.event)).toBeUndefined();
      expect(JSON.stringify(lifecycle.write(stored(result.event)))).toBe(`[${text}]`);
    }),
    { numRuns: 3_000 },
  );

  expect(converted).toBeGreaterThan(500);
});

test("any JSON is carried in unknown fields, metadata, capabilities, arguments and message content", () => {
  const json = fc.jsonValue({ maxDepth: 5 });
  const metadata = fc.dictionary(fc.string(), json);

  fc.assert(
    fc.property(fc.constantFrom(...eventTypes), json, metadata, (event_type, value, object) => {
      const open = { capabilities: value, arguments: value, message_content: value, unknown: value };
      const fixed = { event_type, provider: "p", model_id: "m", tool_name: "t", metadata: object };
      const text = JSON.stringify({ ...fixed, ...open });

      expect(JSON.stringify(lifecycle.write(stored(read(parsePayload(text)))))).toBe(`[${text}]`);
    }),
  );
});

test("nothing that could be sent makes it throw", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...fieldNames, "event_type"), fc.jsonValue()), (payload) => {
      const result = lifecycle.read(parsePayload(JSON.stringify(payload)), {
        hash: "",
        now: NOW,
        mintId: () => "m",
      });

      expect("fault" in result ? result.fault.detail : checkEvent(result.event)).not.toBe("");
    }),
  );
});

const required = { event_type: "LLM_GENERATION_ERROR", provider: "p", model_id: "m" };

test.each([
  [{ ...required, event_type: 7 }, "event_type", "a number"],
  [{ ...required, event_type: "x".repeat(101) }, "event_type", "101 characters"],
  [{ ...required, event_type: null }, "event_type", "null"],
  [{ ...required, provider: { name: "p" } }, "provider", "an object"],
  [{ ...required, model_id: ["m"] }, "model_id", "a list"],
  [{ ...required, id: 5 }, "id", "a number"],
  [{ ...required, trace_id: "a\nb" }, "trace_id", "3 characters"],
  [{ ...required, temperature: "0.7" }, "temperature", "3 characters"],
  [{ ...required, operation: true }, "operation", "a boolean"],
  [{ ...required, error: { message: "m" } }, "error", "an object"],
  [{ ...required, metadata: [] }, "metadata", "a list"],
  [{ ...required, event_type: "TOOL_CALL_DETECTED", tool_name: "" }, "tool_name", "0 characters"],
  [{ ...required, event_type: "TOOL_CALL_DETECTED", tool_name: 1 }, "tool_name", "a number"],
])("%j is refused by the field's name and its value's kind", (payload, field, kind) => {
  const result = lifecycle.read(payload, { hash: "", now: NOW, mintId: () => "minted" });

  expect("fault" in result && [result.fault.field, result.fault.detail.endsWith(kind)]).toEqual([
    field,
    true,
  ]);
});

test.each(["event_type", "tool_name"])("without %s it is refused", (name) => {
  const whole = { ...required, event_type: "TOOL_CALL_DETECTED", tool_name: "t" };
  const payload = Object.fromEntries(Object.entries(whole).filter(([key]) => key !== name));

  const result = lifecycle.read(payload, { hash: "", now: NOW, mintId: () => "minted" });

  expect("fault" in result && result.fault).toMatchObject({ code: "missing_field", field: name });
});

test("two payloads alike are two facts, and one with an id is the same fact each time", () => {
  let minted = 0;
  const idOf = (payload: LifecyclePayload) => {
    const result = lifecycle.read(payload, { hash: "same", now: NOW, mintId: () => `minted-${++minted}` });
    return "event" in result ? result.event.id : undefined;
  };

  for (const event_type of eventTypes) {
    const payload = { ...required, event_type, tool_name: "t" };

    expect(idOf(payload)).not.toBe(idOf(payload));
    expect(idOf({ ...payload, id: "mine" })).toBe(idOf({ ...payload, id: "mine" }));
  }
});

test("a generation is a complete run of its own, so that every sink shows it at once", () => {
  const event = read({ ...required, error: "429", trace_id: "t-1", message_content: "Hi" });

  expect(isComplete(event)).toBe(true);
  expect(event.id).toBe(endId(event.runId ?? ""));
  expect(event).toMatchObject({ time: NOW, traceId: "t-1", run: { status: "error", startTime: NOW } });
});

test("tool calls of one trace belong to one run", () => {
  const call = { ...required, event_type: "TOOL_CALL_DETECTED", tool_name: "t" };
  const runs = ["a", "b"].map((tool_call_id) => read({ ...call, tool_call_id, trace_id: "t-1" }).runId);
  const alone = ["a", "b"].map((tool_call_id) => read({ ...call, tool_call_id, trace_id: "" }).runId);

  expect(runs[0]).toBe(runs[1]);
  expect(alone[0]).not.toBe(alone[1]);
});
