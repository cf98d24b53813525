import type { CallFault } from "../../providers/conclude.ts";
import { connectionFaultOf } from "../../providers/fault.ts";
import { runErrorOf } from "../../run/run-error.ts";

/** Names what `fetch`, or the client around it, threw. Never throws. */
export function faultOf(thrown: unknown): CallFault {
  const { message, code, type } = runErrorOf(thrown);
  const isLate = type === "APIConnectionTimeoutError" || type === "TimeoutError";
  return {
    reason: isLate ? "timeout" : connectionFaultOf(code),
    message,
    ...(code !== undefined && { code }),
  };
}
