import { expect, test } from "vitest";
import { storableJson, storableText } from "./storable.ts";

test("of a text, NUL and half of a pair become U+FFFD, and a whole pair stays", () => {
  expect(storableText("a\0b \ud83e c \ud83e\uddf5")).toBe("a\ufffdb \ufffd c 🧵");
});

test.each([
  ['{"a":"x\\u0000y"}', "x\ufffdy"],
  ['{"a":"\\ud83e"}', "\ufffd"],
  ['{"a":"\\uDDF5 end"}', "\ufffd end"],
  ['{"a":"\\ud83e\\uddf5"}', "🧵"],
  ['{"a":"\\ud83e\\ud83e\\uddf5"}', "\ufffd🧵"],
  ['{"a":"\\\\u0000"}', "\\u0000"],
  ['{"a":"\\\\\\u0000"}', "\\\ufffd"],
  ['{"a":"\\"\\\\ud83e\\""}', '"\\ud83e"'],
])("of the JSON %s, the value is then what a database can hold", (json, expected) => {
  expect(JSON.parse(storableJson(json))).toEqual({ a: expected });
});

test("JSON that has nothing of the kind stays as it is, byte for byte", () => {
  const json = '{ "a" : 1.50, "b":9007199254740993, "b": "\\u00e4\\ud83e\\uddf5" }';

  expect(storableJson(json)).toBe(json);
});
