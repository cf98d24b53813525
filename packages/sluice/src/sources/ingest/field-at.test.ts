import { expect, test } from "vitest";
import { fieldAt } from "./field-at.ts";

const fieldOf = (text: string) => fieldAt(Buffer.from(text), Buffer.byteLength(text.split("§")[0] ?? ""));

test("the top-level field around a byte is named, whatever stands in it or before it", () => {
  expect(fieldOf('{"kind":"a.b","data":{"kind":[1,§')).toBe("data");
  expect(fieldOf('{"kind":"a.b","data":"it is \\", \\"id\\":§')).toBe("data");
  expect(fieldOf('{"data":{"x":{}},"run":{"request":§')).toBe("run");
  expect(fieldOf('{"kind": §')).toBe("kind");
});

test("the event itself, and a field that we do not know, have no name", () => {
  expect(fieldOf("§")).toBe("");
  expect(fieldOf("{§")).toBe("");
  expect(fieldOf('["id",§')).toBe("");
  expect(fieldOf('{"sk-secret":[§')).toBe("");
});
