import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { JsonWriter } from "./json-writer.ts";

function parsed(data: unknown): unknown {
  const writer = new JsonWriter(1024 * 1024);
  const line = { data };
  writer.line(line, new Uint8Array(0), line);
  return JSON.parse(Buffer.from(writer.bytes).toString()).data;
}

class Point {
  readonly x = 1;
  readonly #secret = 2;
  get sum() {
    return this.x + this.#secret;
  }
}
class Empty {}
class Chunked {
  async *[Symbol.asyncIterator]() {
    yield 1;
  }
}
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const throwing = new Proxy(
  {},
  {
    ownKeys() {
      throw new Error("hands off");
    },
  },
);

/** The table of docs/spec/event.md, section 7.1. */
const FORMS: readonly (readonly [name: string, value: unknown, form: unknown])[] = [
  ["bigint", 123n, "[BigInt: 123]"],
  ["very long bigint", 1n << 10_000n, "[BigInt: more than 8192 bits]"],
  ["NaN", Number.NaN, "[NaN]"],
  ["Infinity", Number.NEGATIVE_INFINITY, "[-Infinity]"],
  ["symbol", Symbol("tag"), "[Symbol: tag]"],
  ["symbol without a name", Symbol(), "[Symbol]"],
  ["function", function work() {}, "[Function: work]"],
  ["function without a name", (() => () => {})(), "[Function]"],
  ["class", Point, "[Function: Point]"],
  ["undefined in an object", { gone: undefined, here: 1 }, { here: 1 }],
  ["undefined and a hole in a list", Object.assign(new Array(3), { 0: undefined, 2: 1 }), [null, null, 1]],
  ["half of a surrogate pair", "a\ud800b", "a\ufffdb"],
  ["half of a surrogate pair in a key", { "\udfff": 1 }, { "\ufffd": 1 }],
  ["U+2028", "a\u2028b", "a\u2028b"],
  ["date", new Date(0), "1970-01-01T00:00:00.000Z"],
  ["invalid date", new Date(Number.NaN), "[Invalid Date]"],
  ["map with names", new Map([["a", 1n]]), { a: "[BigInt: 1]" }],
  ["map with other keys", new Map([[{ id: 1 }, 2]]), [[{ id: 1 }, 2]]],
  ["set", new Set([1, "b"]), [1, "b"]],
  ["regular expression", /a+"/gi, '[RegExp: /a+"/gi]'],
  ["URL", new URL("https://example.org/a?b"), "https://example.org/a?b"],
  ["boxed text", Object("text"), "text"],
  ["boxed number", Object(Number.NaN), "[NaN]"],
  ["boxed truth", Object(false), false],
  ["boxed bigint", Object(5n), "[BigInt: 5]"],
  ["boxed symbol", Object(Symbol("s")), "[Symbol: s]"],
  ["buffer", Buffer.from("hi"), "[Buffer: 2 bytes, base64: aGk=]"],
  ["bytes", new Uint8Array([1, 2]), "[Uint8Array: 2 bytes, base64: AQI=]"],
  ["array buffer", new ArrayBuffer(2), "[ArrayBuffer: 2 bytes, base64: AAA=]"],
  ["data view", new DataView(new ArrayBuffer(1)), "[DataView: 1 bytes, base64: AA==]"],
  ["floats", new Float32Array([0.5, Number.NaN]), [0.5, "[NaN]"]],
  ["big integers", new BigInt64Array([1n]), ["[BigInt: 1]"]],
  ["class instance", new Point(), { x: 1 }],
  ["class instance without fields", new Empty(), "[Empty]"],
  ["weak map", new WeakMap(), "[WeakMap]"],
  ["promise", Promise.resolve(1), "[Promise]"],
  ["async iterable", new Chunked(), "[Chunked]"],
  ["array of a subclass", class extends Array {}.of(1, 2), [1, 2]],
  ["object without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["empty object without a prototype", Object.create(null), {}],
  ["frozen object", Object.freeze({ a: [1] }), { a: [1] }],
  ["arguments", runInNewContext("(function () { return arguments; })(1)"), { 0: 1 }],
  ["list of another realm", runInNewContext("[1, { a: 2 }]"), [1, { a: 2 }]],
  ["map of another realm", runInNewContext('new Map([["a", 1]])'), { a: 1 }],
  ["own toJSON", { toJSON: () => new Set([1]) }, [1]],
  ["toJSON that returns itself", selfish(), { a: 1, toJSON: "[Function: toJSON]" }],
  ["toJSON of undefined", { toJSON: () => undefined }, null],
  ["proxy", new Proxy({ a: 1 }, {}), { a: 1 }],
  ["revoked proxy", revoked.proxy, { "[Threw]": expect.stringContaining("revoked") }],
  ["throwing proxy", throwing, { "[Threw]": "hands off" }],
  ["throwing toJSON", { toJSON: () => raise(new Error("no")) }, { "[Threw]": "no" }],
  ["toJSON that throws what throws", { toJSON: () => raise(Object.create(null)) }, { "[Threw]": "" }],
];

test.each(FORMS)("%s", (_name, value, form) => {
  expect(parsed(value)).toEqual(form);
});

test("an error says everything it knows, and its causes too", () => {
  const cause = Object.assign(new TypeError("root"), { code: "EROOT" });
  const error = new AggregateError([new RangeError("one")], "all failed", { cause });

  expect(parsed(error)).toMatchObject({
    ...{ name: "AggregateError", message: "all failed", stack: expect.stringContaining("json-form.test") },
    cause: { name: "TypeError", message: "root", code: "EROOT", stack: expect.any(String) },
    errors: [{ name: "RangeError", message: "one" }],
  });
  expect(Object.keys(parsed(new Error("m")) as object)).toEqual(["name", "message", "stack"]);
});

test("an error whose fields throw is told as far as it can be", () => {
  const error = Object.defineProperty(new Error("m"), "stack", { get: () => raise(new Error("no stack")) });

  expect(parsed(error)).toEqual({ name: "Error", message: "m", stack: "[Threw: no stack]" });
});

test("of many bytes the first are kept, and the rest is counted", () => {
  const form = parsed(Buffer.alloc(1_000_000));

  expect(form).toMatch(/^\[Buffer: 1000000 bytes, base64: A+[=A]*… \[cut: 934464 bytes\]\]$/);
});

function raise(error: unknown): never {
  throw error;
}

function selfish(): object {
  return {
    a: 1,
    toJSON() {
      return this;
    },
  };
}
