import fc from "fast-check";
import { expect, test } from "vitest";
import { checkEvent } from "../../validate.ts";
import {
  BusinessEvent,
  businessEvent,
  parseBusinessEvent,
  systemScope,
  userScope,
} from "./business-event.ts";
import { eventTypes } from "./names.ts";

const UUID_V4 = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

test("an event is built step by step, and is exactly its fields as JSON", () => {
  const event = businessEvent(eventTypes.LLM_REQUEST)
    .withMetadata("model", "gpt-4")
    .withMetadata("prompt_tokens", 150)
    .withScope(userScope("user_123"));

  const { id, created_at } = event;
  expect(id).toMatch(UUID_V4);
  expect(created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(JSON.stringify(event)).toBe(
    `{"id":"${id}","event_type":"llm_request","metadata":{"model":"gpt-4","prompt_tokens":150},` +
      `"created_at":"${created_at}","scope":{"kind":"user","id":"user_123"}}`,
  );
});

test("a step changes nothing of the event before it, and keeps its id", () => {
  const before = businessEvent("order_placed");

  const after = before.withMetadata("amount", 3).withScope(systemScope);

  expect(before.metadata).toEqual({});
  expect(before.scope).toBeUndefined();
  expect(after.id).toBe(before.id);
  expect(after.scope).toEqual({ kind: "system" });
});

test("what an event was given is a copy", () => {
  const tags = ["a"];
  const event = businessEvent("x").withMetadata("tags", tags);

  tags.push("b");

  expect(event.metadata).toEqual({ tags: ["a"] });
});

test("JSON there and back is an equal event, for any metadata (feature row 18)", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string({ minLength: 1 }), (metadata, user) => {
      const event = Object.entries(metadata)
        .reduce((built, [key, value]) => built.withMetadata(key, value), businessEvent("x"))
        .withScope(userScope(user));

      expect(parseBusinessEvent(JSON.stringify(event))).toStrictEqual(event);
    }),
  );
});

test("dates, and whatever else knows its JSON, are carried as it; absent properties stay absent", () => {
  const value = { at: new Date(0), url: new URL("http://a/b"), none: undefined, list: [null, -0] };

  const event = businessEvent("x").withMetadata("value", value).withMetadata("__proto__", { a: 1 });

  expect(JSON.stringify(event.metadata)).toBe(
    '{"value":{"at":"1970-01-01T00:00:00.000Z","url":"http://a/b","list":[null,0]},"__proto__":{"a":1}}',
  );
});

const circle: Record<string, unknown> = {};
circle["self"] = { circle };
const deep = Array.from({ length: 70 }).reduce<unknown>((inner) => [inner], 1);
const revoked = Proxy.revocable({}, {});
revoked.revoke();

test.each([
  ["undefined", undefined, "key is undefined"],
  ["a function", () => {}, "key is a function"],
  ["a symbol", Symbol("s"), "key is a symbol"],
  ["a bigint", { ids: [1, 2n] }, "key.ids[1] is a bigint"],
  ["NaN", Number.NaN, "key is NaN"],
  ["infinity", [Number.POSITIVE_INFINITY], "key[0] is Infinity"],
  ["a hole", new Array(1), "key[0] is undefined"],
  ["a map", new Map([["a", 1]]), "key is of type Map"],
  ["a set", { tags: new Set(["a"]) }, "key.tags is of type Set"],
  ["an error", new Error("e"), "key is of type Error"],
  ["bytes", new Uint8Array(2), "key is of type Uint8Array"],
  ["a promise", Promise.resolve(1), "key is of type Promise"],
  ["no date", new Date(Number.NaN), "key is a Date without a time"],
  ["a circle", circle, "key.self.circle is an object that contains itself"],
  ["a deep one", deep, "more than 60 levels deep"],
  ["a revoked proxy", revoked.proxy, "key cannot be read"],
])("%s throws a TypeError that names the key, and does not vanish (feature row 11)", (_, value, message) => {
  const add = () => businessEvent("x").withMetadata("key", value);

  expect(add).toThrow(TypeError);
  expect(add).toThrow(message);
});

test.each([
  ['{"id":"i","metadata":{},"created_at":"2026-11-21T05:00:00Z"}', "event_type is missing"],
  [
    '{"id":"i","event_type":"x","metadata":[],"created_at":"2026-11-21T05:00:00Z"}',
    "metadata must be an object",
  ],
  ["[]", "is a JSON object"],
  ["null", "is a JSON object"],
])("%s is not taken for an event", (text, message) => {
  expect(() => parseBusinessEvent(text)).toThrow(message);
});

test("text that is no JSON is refused without a word of it", () => {
  expect(() => parseBusinessEvent('{"metadata":hunter2}')).toThrow(
    new TypeError("A business event is a JSON object."),
  );
});

test("numbers that are parsed keep their text, absence and time are as in every other event", () => {
  const text = '{"id":"e-1","event_type":"x","metadata":{"n":9007199254740993,"m":1.0},"created_at":';

  const event = parseBusinessEvent(`${text}"2026-11-21T05:00:00Z"}`);
  const lax = parseBusinessEvent('{"id":"e-1","event_type":"x","metadata":null,"created_at":0,"scope":null}');

  expect(JSON.stringify(event)).toBe(`${text}"2026-11-21T05:00:00Z"}`);
  expect({ ...lax }).toEqual({
    ...{ id: "e-1", event_type: "x", metadata: {}, created_at: "1970-01-01T00:00:00.000Z" },
  });
});

test("a type or a user without a name is refused where it is given", () => {
  expect(() => businessEvent("")).toThrow(/event_type must be .* not a string of 0 characters/);
  expect(() => businessEvent("x").withScope(userScope(""))).toThrow(/scope.id must be/);
});

test("every type becomes an event that any emitter takes, and the same one each time", () => {
  for (const type of [...Object.values(eventTypes), "custom"]) {
    const event = businessEvent(type).withMetadata("duration_ms", 5).withScope(userScope("u"));

    expect(checkEvent(event.toEvent())).toBeUndefined();
    expect(event.toEvent()).toMatchObject({ scope: { kind: "user", id: "u" }, time: event.created_at });
    expect(event.toEvent().id).toBe(new BusinessEvent(event).toEvent().id);
  }
});
