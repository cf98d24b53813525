import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEvent, decodeJson, encodeEvent, numberOf } from "./codec.ts";

const roundTrip = (text: string) => encodeEvent(decodeEvent(Buffer.from(text)));

test.each([
  "9007199254740993",
  "-9007199254740993",
  "12345678901234567890",
  "1e400",
  "-1E+400",
  "1.0",
  "100.00",
  "-0",
  "-0.0",
  "1e5",
  "1E-7",
  "0.1234567890123456789",
  "123456789.12345678",
  "0.0000001",
  "0",
  "10",
  "-1.5",
])("the number %s keeps its text through decode and encode (P15)", (number) => {
  for (const text of [`{"n":${number}}`, `{"n":[1,${number},2]}`, `{"deep":{"a":"x","n":${number}}}`]) {
    expect(roundTrip(text)).toBe(text);
  }
});

test("any number keeps its text, wherever it stands", () => {
  const digits = (maxLength: number) =>
    fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength });
  const number = fc
    .tuple(fc.constantFrom("", "-"), digits(20), fc.option(digits(20)), fc.option(digits(3)))
    .map(([sign, whole, fraction, exponent]) => {
      const integer = whole.replace(/^0+(?=\d)/, "");
      const tail = fraction === null ? "" : `.${fraction}`;
      return sign + integer + tail + (exponent === null ? "" : `e${exponent}`);
    });
  fc.assert(
    fc.property(number, (text) => {
      expect(JSON.stringify(decodeJson(text))).toBe(text);
      expect(JSON.stringify(decodeJson(`[${text}]`))).toBe(`[${text}]`);
      expect(JSON.stringify(decodeJson(`{"a": ${text}\n}`))).toBe(`{"a":${text}}`);
    }),
    { numRuns: 2_000 },
  );
});

test("a value without special numbers decodes to what JSON.parse gives", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      const plain = JSON.stringify(value);

      expect(JSON.stringify(decodeJson(plain))).toBe(plain);
    }),
  );
});

test("a number that kept its text still has a value", () => {
  const decoded = decodeEvent(Buffer.from('{"a":1.0,"b":2,"c":"3","d":1e400}'));

  expect([numberOf(decoded.a), numberOf(decoded.b), numberOf(decoded.c)]).toEqual([1, 2, undefined]);
  expect(numberOf(decoded.d)).toBe(Number.POSITIVE_INFINITY);
});

test.each(["1", "1.0"])("__proto__ and its like stay data, beside the number %s (S18)", (number) => {
  const text = `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"n":${number}}`;

  const decoded = decodeEvent(Buffer.from(text));

  expect(encodeEvent(decoded)).toBe(text);
  expect(encodeEvent({ ...decoded })).toBe(text);
  expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
  expect("polluted" in {}).toBe(false);
});

test("NUL, separators, escapes and lone surrogates survive (S15, S19)", () => {
  const text = JSON.stringify({ id: "1", text: "a\u0000b\u2028c\u001b[31m\r\n\ud800 é 😀" });

  expect(roundTrip(text)).toBe(text);
});

test.each(["[]", '"text"', "null", "1", "true"])("%s is no event", (text) => {
  expect(() => decodeEvent(Buffer.from(text))).toThrow("an event is a JSON object");
});

test("a slice of a larger buffer decodes as itself", () => {
  const whole = Buffer.from('[{"id":"1"},{"id":"2"}]');

  expect(decodeEvent(whole.subarray(12, 22))).toEqual({ id: "2" });
});
