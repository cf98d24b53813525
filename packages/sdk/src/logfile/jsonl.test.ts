import { expect, test } from "vitest";
import { jsonlEntry } from "./jsonl.ts";

test("an event on one line is written as the very bytes that were spooled", () => {
  const raw = Buffer.from('{"n":1e400,"text":"a\\nb"}');

  expect(jsonlEntry(raw)).toBe(raw);
});

test("an event on several lines becomes one line, and its numbers keep their text", () => {
  const raw = Buffer.from('{\r\n  "n": 12345678901234567890,\n  "text": "a\\nb"\n}');

  const line = Buffer.from(jsonlEntry(raw)).toString();

  expect(line).not.toMatch(/[\r\n]/);
  expect(line).toContain("12345678901234567890");
  expect(JSON.parse(line).text).toBe("a\nb");
});
