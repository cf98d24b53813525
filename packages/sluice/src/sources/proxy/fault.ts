import type { ServerResponse } from "node:http";
import { type ConnectionFault, codeOf, connectionFaultOf } from "@sluice/sdk/internal";

/** Why a call could not be carried through by us. What the provider answers, error or not, is no fault. */
export interface Fault {
  /** Stable, for programs: the run's `reason`. */
  readonly reason: ConnectionFault | "shutdown" | "bad_request";
  readonly httpStatus: number;
  readonly message: string;
  /** The system's own code, for people. */
  readonly code?: string;
}

/** Names an error of the connection to a provider. The host is named, nothing of the request. */
export function faultOf(error: unknown, host: string): Fault {
  const code = codeOf(error);
  const reason = connectionFaultOf(code);
  const httpStatus = reason === "timeout" ? 504 : 502;
  return { reason, httpStatus, message: messageOf(reason, host, code), ...(code !== undefined && { code }) };
}

function messageOf(reason: ConnectionFault, host: string, code = "no code"): string {
  switch (reason) {
    case "upstream_refused":
      return `Nothing answers at ${host}.`;
    case "upstream_unknown_host":
      return `The host name ${host} is not known.`;
    case "upstream_reset":
      return `${host} closed the connection.`;
    case "timeout":
      return `${host} did not answer in time.`;
    case "upstream_tls":
      return `No trusted TLS connection to ${host} (${code}).`;
    case "upstream_unreachable":
      return `No connection to ${host} (${code}).`;
  }
}

export function timeoutFault(host: string, timeoutMs: number): Fault {
  return { reason: "timeout", httpStatus: 504, message: `Nothing came from ${host} for ${timeoutMs} ms.` };
}

/**
 * Answers a call that never reached its provider: RFC 9457, and in it the error that OpenAI's SDKs look for.
 */
export function sendFault(response: ServerResponse, fault: Fault): void {
  const { httpStatus: status, reason, message } = fault;
  const body = JSON.stringify({
    type: `urn:sluice:${reason}`,
    title: reason,
    status,
    code: reason,
    detail: message,
    error: { message, type: "sluice_proxy_error", param: null, code: reason },
  });
  response.writeHead(status, {
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}
