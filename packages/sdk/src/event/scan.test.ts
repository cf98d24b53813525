import fc from "fast-check";
import { expect, test } from "vitest";
import { EVENT_LIMITS, type JsonLimits } from "./limits.ts";
import { type ScanFault, scanJson } from "./scan.ts";

const NO_LIMITS: JsonLimits = { depth: 1e6, keysPerObject: 1e9, nodes: 1e9, stringBytes: 1e9, keyBytes: 1e9 };
const scan = (text: string | Uint8Array, limits: Partial<JsonLimits> = {}) =>
  scanJson(Buffer.from(text), { ...NO_LIMITS, ...limits }, 100);
const slices = (text: string, limits: Partial<JsonLimits> = {}) =>
  scan(text, limits).items.map(({ start, end }) => Buffer.from(text).toString("utf8", start, end));
const faults = (text: string | Uint8Array, limits: Partial<JsonLimits>) =>
  scan(text, limits).items.map((item) => item.fault?.code);

/** JSON text with white space wherever it may stand. */
const spacedJson = fc
  .tuple(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 1, "\t", " \n"))
  .map(([text, indent]) => JSON.stringify(JSON.parse(text), null, indent));

interface Measures {
  depth: number;
  values: number;
  keysPerObject: number;
  stringBytes: number;
  keyBytes: number;
}

/**
 * What the limits measure, told by JSON.parse and a walk. Sizes are those of the text that JSON.stringify
 * writes.
 */
function measure(value: unknown): Measures {
  const most: Measures = { depth: 0, values: 0, keysPerObject: 0, stringBytes: 0, keyBytes: 0 };
  const sizeOf = (text: string) => Buffer.byteLength(JSON.stringify(text)) - 2;
  const walk = (at: unknown, depth: number) => {
    most.values++;
    if (typeof at === "string") most.stringBytes = Math.max(most.stringBytes, sizeOf(at));
    if (typeof at !== "object" || at === null) return;
    most.depth = Math.max(most.depth, depth + 1);
    if (!Array.isArray(at)) {
      const keys = Object.keys(at);
      most.keysPerObject = Math.max(most.keysPerObject, keys.length);
      for (const key of keys) {
        most.keyBytes = Math.max(most.keyBytes, sizeOf(key));
        most.stringBytes = Math.max(most.stringBytes, sizeOf(key));
      }
    }
    for (const inner of Object.values(at)) walk(inner, depth + 1);
  };
  walk(value, 0);
  return most;
}

test("every limit is met exactly where JSON.parse and a walk say so (S16)", () => {
  fc.assert(
    fc.property(spacedJson, (text) => {
      const most = measure(JSON.parse(text));
      const wrapped = `[${text}]`;
      const at = { ...most, nodes: most.values };
      const below: readonly [keyof JsonLimits, ScanFault["code"]][] = [
        ["depth", "too_deep"],
        ["nodes", "too_many_values"],
        ["keysPerObject", "too_many_keys"],
        ["stringBytes", "string_too_long"],
        ["keyBytes", "key_too_long"],
      ];

      expect(faults(wrapped, at)).toEqual([undefined]);
      for (const [limit, code] of below) {
        if (at[limit] > 0) expect(faults(wrapped, { [limit]: at[limit] - 1 })).toEqual([code]);
      }
    }),
    { numRuns: 300 },
  );
});

test("the items of an array are the slices it is made of", () => {
  fc.assert(
    fc.property(fc.array(spacedJson, { maxLength: 8 }), fc.constantFrom("", " ", "\r\n"), (texts, space) => {
      const text = `${space}[${space}${texts.join(`${space},${space}`)}${space}]${space}`;

      expect(scan(text).shape).toBe("array");
      expect(slices(text)).toEqual(texts);
    }),
  );
});

test("one value is one item, and two are several", () => {
  const value = spacedJson.filter((text) => !text.startsWith("["));
  fc.assert(
    fc.property(value, value, (first, second) => {
      expect(scan(` ${first}\n`).shape).toBe("one");
      expect(slices(` ${first}\n`)).toEqual([first]);
      expect(scan(`${first}\n${second}`).shape).toBe("several");
    }),
  );
});

test("no text, however broken, is taken for something else than JSON.parse takes it for", () => {
  const soup = fc.string({ unit: fc.constantFrom(...'{}[],:" \\"a1-\n\u00e9'), maxLength: 30 });
  fc.assert(
    fc.property(soup, (text) => {
      const scanned = scan(text);
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        return;
      }

      expect(scanned.shape).toBe(Array.isArray(value) ? "array" : "one");
      expect(slices(text).map((slice) => JSON.parse(slice))).toEqual(Array.isArray(value) ? value : [value]);
    }),
    { numRuns: 4_000 },
  );
});

test("a malformed item leaves its neighbours whole", () => {
  expect(slices('[{"a":1},{"a":},{"b":2}]')).toEqual(['{"a":1}', '{"a":}', '{"b":2}']);
  expect(slices('[{"a":1} x, nope ,{"b":2},]')).toEqual(['{"a":1} x', "nope", '{"b":2}', ""]);
  expect(slices("[},1]")).toEqual(["}", "1"]);
});

test.each(["[", "[1", "[1,", '["abc', '{"a":1', '"abc', '"abc\\"', "[[1]", "[1]]", "[1],2", "}", ","])(
  "%s is broken",
  (text) => {
    expect(scan(text).shape).toBe("broken");
  },
);

test.each(["", " ", "\n\t\r "])("white space alone (%j) is empty", (text) => {
  expect(scan(text).shape).toBe("empty");
});

test("bytes that are not UTF-8 fail their item and name the byte (S14)", () => {
  const bytes = Buffer.concat([Buffer.from('["ok","é'), Buffer.from([0xff]), Buffer.from('","ok"]')]);

  const { items } = scan(bytes);

  expect(items.map((item) => item.fault)).toEqual([
    undefined,
    { code: "invalid_utf8", offset: bytes.indexOf(0xff) },
    undefined,
  ]);
});

test("a bracket, a quote or a backslash inside a string is text, at any distance from its start", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("x".repeat(60), '\\"', "\\\\", "]", "}", ",", "é")), (parts) => {
      const text = `"${parts.join("")}"`;

      expect(slices(`[${text},1]`)).toEqual([text, "1"]);
    }),
  );
});

test("an event at the limits passes and one past them does not", () => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

  expect(faults(nested(64), EVENT_LIMITS)).toEqual([undefined]);
  expect(faults(nested(65), EVENT_LIMITS)).toEqual(["too_deep"]);
  expect(faults(`[${nested(65)},${nested(64)}]`, EVENT_LIMITS)).toEqual(["too_deep", undefined]);
  expect(faults("[".repeat(1_000_000) + "]".repeat(1_000_000), EVENT_LIMITS)).toEqual(["too_deep"]);
});

test("a scan stops behind the item that is one too many", () => {
  expect(scanJson(Buffer.from("[1,2,3,4,5]"), NO_LIMITS, 2).items).toHaveLength(3);
});
