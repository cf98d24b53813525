import { expect, test } from "vitest";
import { jsonList } from "./json-list.ts";

test.each([
  ["nothing", []],
  ["one text", ['{"a":1}']],
  ["several", ['{"a":1}', '"b"', "3"]],
  ["texts that take three bytes a character", ['"—"', `"${"—".repeat(1_000)}"`, `"${"語".repeat(3_000)}"`]],
  [
    "texts that take one, two and four",
    [`"${"a".repeat(500)}"`, `"${"é".repeat(500)}"`, `"${"😀".repeat(500)}"`],
  ],
  [
    "one long text among short ones",
    ["1", `"${"—".repeat(100_000)}"`, ...Array.from({ length: 100 }, () => '"—"')],
  ],
])("a list of %s has the bytes that its text has", (_name, texts) => {
  const bytes = jsonList('{"events":[', texts, "]}");

  expect(Buffer.from(bytes).toString()).toBe(`{"events":[${texts.join(",")}]}`);
});

test("a list is right at every length, also where its room is used up to the last byte", () => {
  for (let length = 0; length < 200; length++) {
    const texts = [`"${"—".repeat(length)}"`, `"${"a".repeat(length)}"`, `"${"é".repeat(length)}"`];

    expect(Buffer.from(jsonList("[", texts, "]")).toString()).toBe(`[${texts.join(",")}]`);
  }
});
