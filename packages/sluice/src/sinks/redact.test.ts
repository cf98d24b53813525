import { expect, test } from "vitest";
import { createRedactor } from "./redact.ts";

const SECRET = 'sk-live/ä+"7f=Q&';

test.each([
  ["plain", SECRET],
  ["URL-encoded", encodeURIComponent(SECRET)],
  ["JSON", JSON.stringify(SECRET)],
  ["hex", Buffer.from(SECRET).toString("hex").toUpperCase()],
  ["base64", Buffer.from(SECRET).toString("base64")],
  ["base64url", Buffer.from(SECRET).toString("base64url")],
  ["base64 behind one byte", Buffer.from(`:${SECRET}`).toString("base64")],
  ["base64 behind two bytes", Buffer.from(`a:${SECRET}!`).toString("base64")],
])("a secret is not shown in its %s spelling", (_name, spelling) => {
  const shown = createRedactor([SECRET])(`before ${spelling} after`);

  expect(shown).toContain("[secret]");
  expect(shown).toMatch(/^before .*after$/);
  expect(shown).not.toContain(spelling.slice(4, -4));
});

test("a cut never leaves half of a secret", () => {
  const shown = createRedactor([SECRET])(`${"x".repeat(2_040)}${SECRET}`);

  expect(shown).not.toContain("sk-live");
  expect(Buffer.byteLength(shown)).toBeLessThan(2_060);
});

test("words lose what a terminal would obey", () => {
  expect(createRedactor([""])("one\r\ntwo\u001b[2J\u009bthree")).toBe("one two [2J three");
});
