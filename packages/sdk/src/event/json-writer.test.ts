import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeJson } from "./codec.ts";
import { JsonWriter } from "./json-writer.ts";
import { EVENT_LIMITS } from "./limits.ts";

const NO_HEAD = new Uint8Array(0);
const BYTES_MAX = 32 * 1024 * 1024;

function written(value: object): string {
  const writer = new JsonWriter(BYTES_MAX);
  expect(writer.line(value, NO_HEAD, value)).toBe("written");
  const text = Buffer.from(writer.bytes).toString();
  expect(text.indexOf("\n")).toBe(text.length - 1);
  return text.trimEnd();
}

const parsed = (data: unknown) => JSON.parse(written({ data })).data;

test("what JSON can write has the bytes of JSON.stringify", () => {
  const value = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ stringUnit: "grapheme" }));
  fc.assert(
    fc.property(value, (object) => {
      const plain = JSON.parse(
        JSON.stringify(object)
          .toWellFormed()
          .replaceAll(/\\ud[89a-f]../gi, "_"),
      );

      expect(written(plain)).toBe(JSON.stringify(plain));
    }),
  );
});

test("every number is written as JSON.stringify writes it, but that minus zero keeps its sign", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger())), (numbers) => {
      const finite = numbers.filter((number) => Number.isFinite(number) && !Object.is(number, -0));

      expect(written({ finite })).toBe(JSON.stringify({ finite }));
    }),
  );
  expect(written({ zero: -0, list: [-0, 0] })).toBe('{"zero":-0,"list":[-0,0]}');
});

test("every decimal fraction is written as JSON.stringify writes it", () => {
  const decimals = [1, 3, 6, 7, 15].map((digits) =>
    fc.double({ min: 0, max: 2_000, noNaN: true }).map((number) => Number(number.toFixed(digits))),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(...decimals)), (numbers) => {
      const positive = [
        ...numbers.filter((number) => number > 0),
        0.1 + 0.2,
        1e-6,
        1e-7,
        0.999999,
        999.999999,
      ];

      expect(written({ positive })).toBe(JSON.stringify({ positive }));
    }),
  );
});

test("a long list of fractions is written whole", () => {
  const list = Array.from({ length: 30_000 }, (_, index) => ((index % 999) + 1) / 1_000);

  expect(written({ list })).toBe(JSON.stringify({ list }));
});

test("a text is escaped as JSON.stringify does, whatever it is made of and however much room there is", () => {
  const characters = fc.constantFrom(...'abc"\\\n\t\u0001\u001f\u007fé€😀\ud800');
  const text = fc.string({ unit: characters, maxLength: 300 });
  fc.assert(
    fc.property(text, fc.nat(70_000), (some, before) => {
      const value = { before: "x".repeat(before), some };

      expect(written(value)).toBe(JSON.stringify({ ...value, some: some.toWellFormed() }));
    }),
  );
});

test("keys of any length are written as JSON.stringify writes them, more of them than are remembered", () => {
  const names = Array.from(
    { length: 1_500 },
    (_, index) => `${"k".repeat(index % 45)}"é😀\n`.slice(index % 9) + index,
  );
  const value = Object.fromEntries(names.map((name) => [name, 1]));
  const writer = new JsonWriter(BYTES_MAX);

  for (let round = 0; round < 2; round++) writer.line(value, NO_HEAD, value);

  const line = JSON.stringify(Object.fromEntries(names.map((name) => [name.toWellFormed(), 1])));
  expect(Buffer.from(writer.bytes).toString()).toBe(`${line}\n${line}\n`);
});

test.each([31, 39, 40, 41, 42, 43, 44, 45, 100, 70_000])(
  "each character is escaped at each place of a text of %i characters",
  (length) => {
    const special = ['"', "\\", "\n", "\u0000", "\u001f", "\u007f", "é", "\u2028", "€", "😀"];
    for (const character of special) {
      for (const at of [0, 1, 2, 3, length >> 1, length - 2, length - 1]) {
        const text = `${"x".repeat(at)}${character}${"y".repeat(length - at - 1)}`;

        expect(written({ text })).toBe(JSON.stringify({ text }));
      }
    }
  },
);

test("a line that does not fit leaves no trace, and one that fits exactly is written", () => {
  const value = { kind: "k", data: "x".repeat(100) };
  const sizeBytes = JSON.stringify(value).length + 1;
  const writer = new JsonWriter(2 * sizeBytes);

  const outcomes = Array.from({ length: 3 }, () => writer.line(value, NO_HEAD, value));

  expect(outcomes).toEqual(["written", "written", "no_room"]);
  expect(Buffer.from(writer.bytes).toString()).toBe(`${JSON.stringify(value)}\n`.repeat(2));
  expect(new JsonWriter(sizeBytes - 1).line(value, NO_HEAD, value)).toBe("too_large");
});

test("a number that kept its text is written with it", () => {
  const text = '{"a":9007199254740993,"b":[1.0,1e400]}';

  expect(written(decodeJson(text) as object)).toBe(text);
});

test("a text over the limit is cut, says by how much, and is within the limit however it is written", () => {
  const sizes = [..."a\u0000é😀"].map((character) => {
    const text = character.repeat(8_500_000);
    const cut = JSON.parse(written({ text })).text as string;
    const [, kept = "", count] = /^(.*)… \[cut: (\d+) characters\]$/s.exec(cut) ?? [];
    expect(kept.length + Number(count)).toBe(text.length);
    expect(text.startsWith(kept)).toBe(true);
    return Buffer.byteLength(JSON.stringify(cut)) - 2;
  });

  expect(sizes.filter((bytes) => bytes > EVENT_LIMITS.stringBytes)).toEqual([]);
  expect(sizes.filter((bytes) => bytes < EVENT_LIMITS.stringBytes - 100)).toEqual([]);
});

test("a key over the limit is cut as a text is, and keys that JavaScript knows are data", () => {
  const own = JSON.parse('{"__proto__":1,"constructor":2}');
  const cut = JSON.parse(written({ ["k".repeat(2_000)]: 1, own }));

  expect(Object.keys(cut)[0]).toMatch(/^k{960}… \[cut: 1040 characters\]$/);
  expect(JSON.stringify(cut.own)).toBe('{"__proto__":1,"constructor":2}');
});

test("objects and lists with too much in them say how much they lost", () => {
  const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, index]));
  const sparse = new Array(4_000_000_000);

  const keys = parsed(wide);
  const items = parsed(sparse);

  expect(keys["[cut]"]).toBe("[cut: 90003 keys]");
  expect(Object.keys(keys)).toHaveLength(EVENT_LIMITS.keysPerObject - 2);
  expect(items.at(-1)).toBe(`[cut: ${sparse.length - items.length + 1} items]`);
});

test("what is too deep ends at the last level that may be", () => {
  let deep: unknown = "bottom";
  for (let level = 0; level < 100_000; level++) deep = [deep];

  const text = written({ deep });

  expect(text).toBe(`{"deep":${"[".repeat(63)}"[cut: too deep]"${"]".repeat(63)}}`);
});

test("a value that stands in two places is written twice, and only one inside itself is circular", () => {
  const twice = { n: 1 };
  const map = new Map<string, unknown>();
  map.set("self", map);

  expect(parsed([twice, twice])).toEqual([twice, twice]);
  expect(parsed(map)).toEqual({ self: "[Circular]" });
});

test("each getter, each trap and each toJSON is called once", () => {
  const calls: string[] = [];
  const noted = (name: string, value: unknown) => () => {
    calls.push(name);
    return value;
  };
  const data = Object.defineProperties(
    { plain: 1, late: { toJSON: noted("toJSON", new Map([["n", 1]])) } },
    {
      good: { get: noted("good", 2), enumerable: true },
      bad: {
        get() {
          calls.push("bad");
          throw new Error("no");
        },
        enumerable: true,
      },
      hidden: { get: noted("hidden", 3), enumerable: false },
    },
  );

  expect(parsed(data)).toEqual({ plain: 1, late: { n: 1 }, good: 2, bad: "[Threw: no]" });
  expect(calls).toEqual(["toJSON", "good", "bad"]);
});

test("what an event may cost in all is bounded, and the parts that are kept are written whole", () => {
  const kept = { last: "here", more: "y".repeat(2_000) };
  const big = Array.from({ length: 50 }, () => "x".repeat(1_000_000));
  const writer = new JsonWriter(BYTES_MAX, (value, line) => value === kept || value === line);

  expect(writer.line({ big, other: { a: 1, b: 2 }, kept }, NO_HEAD, {})).toBe("written");

  const event = JSON.parse(Buffer.from(writer.bytes).toString());
  expect(writer.sizeBytes).toBeLessThan(10 * 1024 * 1024);
  expect(event.big.at(-1)).toBe(`[cut: ${50 - event.big.length + 1} items]`);
  expect(event.other).toEqual({ "[cut]": "[cut: 2 keys]" });
  expect(event.kept).toEqual(kept);
});

test("kept parts that are themselves too much are refused", () => {
  const kept = Object.fromEntries(
    Array.from({ length: 9_000 }, (_, index) => [`k${index}`, "z".repeat(3_000)]),
  );
  const writer = new JsonWriter(BYTES_MAX, () => true);

  expect(writer.line({ kept }, NO_HEAD, {})).toBe("too_large");
  expect(writer.sizeBytes).toBe(0);
});
