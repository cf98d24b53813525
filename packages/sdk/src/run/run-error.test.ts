import fc from "fast-check";
import { expect, test } from "vitest";
import { isAbort, runErrorOf } from "./run-error.ts";

test("an error tells its causes, and the first code and status on the way down", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const failed = new TypeError("fetch failed", { cause: refused });
  const error = runErrorOf(Object.assign(new Error("Connection error.", { cause: failed }), { status: 503 }));

  expect(error).toEqual({
    message: "Connection error: fetch failed: connect ECONNREFUSED",
    type: "Error",
    code: "ECONNREFUSED",
    status: 503,
    stack: expect.stringContaining("Connection error."),
  });
});

test("a class tells its name, and a type of its own goes before it", () => {
  class QuotaError extends Error {}

  expect(runErrorOf(new QuotaError("no more")).type).toBe("QuotaError");
  expect(runErrorOf(Object.assign(new QuotaError("no more"), { type: "quota" })).type).toBe("quota");
});

test.each([
  ["a text", "no", { message: "no" }],
  ["null", null, { message: "null was thrown." }],
  ["undefined", undefined, { message: "undefined was thrown." }],
  ["a number", 7, { message: "7 was thrown." }],
  ["a symbol", Symbol("s"), { message: "Symbol(s) was thrown." }],
  ["a plain object", { message: "odd", code: 9 }, { message: "odd", type: "Object", code: "9" }],
  ["an empty one", {}, { message: "Object was thrown without a message.", type: "Object" }],
])("%s becomes an error", (_, thrown, error) => {
  expect(runErrorOf(thrown)).toEqual(error);
});

test("nothing that is thrown makes it throw", () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error("no");
      },
    },
  );
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const circular = new Error("round");
  circular.cause = circular;

  for (const thrown of [hostile, revoked.proxy, circular]) {
    expect(runErrorOf(thrown).message).toEqual(expect.any(String));
    expect(isAbort(thrown)).toBe(false);
  }
  fc.assert(fc.property(fc.anything(), (thrown) => runErrorOf(thrown).message !== ""));
});

test("an abort is told from an error", () => {
  expect(isAbort(new DOMException("stopped", "AbortError"))).toBe(true);
  expect(isAbort(Object.assign(new Error("stopped"), { code: "ABORT_ERR" }))).toBe(true);
  expect(isAbort(new DOMException("late", "TimeoutError"))).toBe(false);
  expect(isAbort("AbortError")).toBe(false);
});
