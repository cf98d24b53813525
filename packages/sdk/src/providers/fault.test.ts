import { expect, test } from "vitest";
import { connectionFaultOf } from "./fault.ts";

test.each([
  ["ECONNREFUSED", "upstream_refused"],
  ["EAI_AGAIN", "upstream_unknown_host"],
  ["UND_ERR_SOCKET", "upstream_reset"],
  ["UND_ERR_BODY_TIMEOUT", "timeout"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "upstream_tls"],
  ["E_SOMETHING", "upstream_unreachable"],
  [undefined, "upstream_unreachable"],
])("the code %s is %s", (code, fault) => {
  expect(connectionFaultOf(code)).toBe(fault);
});
