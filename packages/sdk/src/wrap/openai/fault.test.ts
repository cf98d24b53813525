import { expect, test } from "vitest";
import { faultOf } from "./fault.ts";

test("a failed fetch is named by the code of its cause, and says what its cause says", () => {
  const cause = Object.assign(new Error("the system's words"), { code: "ECONNREFUSED" });

  expect(faultOf(new TypeError("fetch failed", { cause }))).toEqual({
    reason: "upstream_refused",
    message: "fetch failed: the system's words",
    code: "ECONNREFUSED",
  });
});

test("a time-out is told by its name, and what has no code is just unreachable", () => {
  expect(faultOf(new DOMException("late", "TimeoutError")).reason).toBe("timeout");
  expect(faultOf("gone")).toEqual({ reason: "upstream_unreachable", message: "gone" });
});
