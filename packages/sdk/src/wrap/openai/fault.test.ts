import { expect, test } from "vitest";
import { faultOf } from "./fault.ts";

test.each([
  ["ECONNREFUSED", "upstream_refused"],
  ["EAI_AGAIN", "upstream_unknown_host"],
  ["UND_ERR_SOCKET", "upstream_reset"],
  ["UND_ERR_BODY_TIMEOUT", "timeout"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "upstream_tls"],
  ["E_SOMETHING", "upstream_unreachable"],
])("a failed fetch whose cause has code %s is %s", (code, reason) => {
  const cause = Object.assign(new Error("the system's words"), { code });

  expect(faultOf(new TypeError("fetch failed", { cause }))).toEqual({
    reason,
    message: "fetch failed: the system's words",
    code,
  });
});

test("a time-out is told by its name, and what has no code is just unreachable", () => {
  expect(faultOf(new DOMException("late", "TimeoutError")).reason).toBe("timeout");
  expect(faultOf("gone")).toEqual({ reason: "upstream_unreachable", message: "gone" });
});
