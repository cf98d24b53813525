import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeJson } from "../../codec.ts";
import type { Event, JsonObject } from "../../event.ts";
import { checkEvent, endId, isComplete } from "../../validate.ts";
import { parsePayload, stored, testGoldenFiles } from "../golden.test-support.ts";
import { business, fromBusinessPayload } from "./business.ts";
import { eventTypes } from "./names.ts";

const golden = new URL("golden/", import.meta.url);
const created_at = "2026-11-21T05:00:02.500Z";

function read(payload: JsonObject): Event {
  const result = fromBusinessPayload(payload);
  if ("fault" in result) throw new Error(JSON.stringify(result.fault));
  return result.event;
}

testGoldenFiles(golden, business, read);

const types = [...Object.values(eventTypes), "custom_event", "constructor", "x"];
const fit = [
  ...['"text"', '""', "null", "1.0", "-0", "1e400", "9007199254740993", "-5", "[]", '["a",1]', "{}", "true"],
  ...['{"a":{"b":[0.50]}}', '"2026-11-21T05:00:00+01:00"', "1795237201500", '{"kind":"system"}'],
  ...['{"kind":"user","id":"u","x":1.0}', '{"kind":"user"}', '{"kind":"user","id":"u","props":[]}'],
];
const factNames = [
  ...["provider", "model", "input_tokens", "output_tokens", "duration_ms", "cache_creation_tokens"],
  ...["cache_read_tokens", "session_id", "llm_path", "error", "status", "reason", "__proto__", "7"],
];

test("any payload is refused by name, or comes back as the very text it was (E16)", () => {
  const members = (names: readonly string[]) =>
    fc.uniqueArray(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...fit)), {
      selector: ([name]) => name,
    });
  const written = (all: readonly [string, string][]) => all.map(([name, value]) => `"${name}":${value}`);
  const payloads = fc
    .tuple(
      fc.constantFrom(...types),
      members(factNames),
      members(["scope", "kind2", "__proto__", "0", "data"]),
    )
    .chain(([type, facts, more]) => {
      const fixed = [`"event_type":"${type}"`, '"id":"b-1"', `"metadata":{${written(facts)}}`];
      const stamps = fc.constantFrom(`"${created_at}"`, '"2026-11-21 05:00:00.5"', "1795237201500", "1e400");
      return fc.tuple(stamps, fc.constant([...fixed, ...written(more)]));
    })
    .chain(([stamp, all]) =>
      fc.shuffledSubarray([...all, `"created_at":${stamp}`], { minLength: all.length + 1 }),
    )
    .map((all) => JSON.stringify(decodeJson(`{${all.join(",")}}`)));
  let converted = 0;

  fc.assert(
    fc.property(payloads, (text) => {
      const result = fromBusinessPayload(parsePayload(text));
      if ("fault" in result) {
        expect(result.fault.field).toMatch(/^(scope|created_at)/);
        return;
      }
      converted++;
      expect(checkEvent(result.event)).toBeUndefined();
      expect(JSON.stringify(business.write(stored(result.event)))).toBe(`[${text}]`);
    }),
    { numRuns: 3_000 },
  );

  expect(converted).toBeGreaterThan(500);
});

test("any JSON is carried in metadata and unknown fields", () => {
  const metadata = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom(...factNames)), fc.jsonValue());

  fc.assert(
    fc.property(fc.constantFrom(...types), metadata, fc.jsonValue(), (event_type, object, unknown) => {
      const text = JSON.stringify({ id: "b-1", event_type, metadata: object, created_at, unknown });

      expect(JSON.stringify(business.write(stored(read(parsePayload(text)))))).toBe(`[${text}]`);
    }),
  );
});

test("nothing that could be sent makes it throw", () => {
  const names = fc.constantFrom("id", "event_type", "metadata", "created_at", "scope", "x");

  fc.assert(
    fc.property(fc.dictionary(names, fc.jsonValue()), (payload) => {
      const result = fromBusinessPayload(parsePayload(JSON.stringify(payload)));

      expect("fault" in result ? result.fault.detail : checkEvent(result.event)).not.toBe("");
    }),
  );
});

const required = { id: "b-1", event_type: "llm_response", metadata: {}, created_at };

test.each([
  [{ ...required, id: 7 }, "id", "a number"],
  [{ ...required, id: "a\nb" }, "id", "3 characters"],
  [{ ...required, event_type: "" }, "event_type", "0 characters"],
  [{ ...required, metadata: [] }, "metadata", "a list"],
  [{ ...required, metadata: "{}" }, "metadata", "2 characters"],
  [{ ...required, created_at: "soon" }, "created_at", "4 characters"],
  [{ ...required, created_at: null }, "created_at", "null"],
  [{ ...required, scope: "user" }, "scope", "4 characters"],
  [{ ...required, scope: { kind: "team" } }, "scope.kind", "4 characters"],
  [{ ...required, scope: { kind: "user", id: 5 } }, "scope.id", "a number"],
  [{ ...required, scope: { kind: "user", id: "u", props: 1 } }, "scope.props", "a number"],
])("%j is refused by the field's name and its value's kind", (payload, field, kind) => {
  const result = fromBusinessPayload(payload);

  expect("fault" in result && [result.fault.field, result.fault.detail.endsWith(kind)]).toEqual([
    field,
    true,
  ]);
});

test.each(["id", "event_type", "metadata", "created_at"])("without %s it is refused", (name) => {
  const result = fromBusinessPayload(
    Object.fromEntries(Object.entries(required).filter(([key]) => key !== name)),
  );

  expect("fault" in result && result.fault).toMatchObject({ code: "missing_field", field: name });
});

test("the same id is the same fact, whatever else is sent", () => {
  for (const event_type of types) {
    const [first, second] = [{}, { more: 1 }].map((metadata) => read({ ...required, event_type, metadata }));

    expect(first?.id).toBe(second?.id);
    expect(first?.runId).toBe(second?.runId);
  }
});

test("an answer is a complete run that began when it was asked, with disjoint buckets", () => {
  const metadata = { provider: "openai", model: "m", input_tokens: 120, cache_read_tokens: 100 };
  const event = read({ ...required, metadata: { ...metadata, duration_ms: 1_500, session_id: "s" } });

  expect(isComplete(event)).toBe(true);
  expect(event.id).toBe(endId(event.runId ?? ""));
  expect(event.session).toEqual({ id: "s" });
  expect(event.run).toMatchObject({
    startTime: "2026-11-21T05:00:01.000Z",
    status: "ok",
    provider: "openai",
  });
  expect(event.run?.usage).toEqual({ input: 20, cacheRead: 100, source: "provider" });
});

test("what the cache of Anthropic holds is not part of its input", () => {
  const metadata = { provider: "anthropic", input_tokens: 10, cache_read_tokens: 2_000 };

  expect(read({ ...required, metadata }).run?.usage).toMatchObject({ input: 10, cacheRead: 2_000 });
});
