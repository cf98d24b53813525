import type { ServerResponse } from "node:http";
import { codeOf } from "@sluice/sdk/internal";

/** Why a call could not be carried through by us. What the provider answers, error or not, is no fault. */
export interface Fault {
  /** Stable, for programs: the run's `reason`. */
  readonly reason:
    | "upstream_refused"
    | "upstream_unknown_host"
    | "upstream_tls"
    | "upstream_reset"
    | "upstream_unreachable"
    | "timeout"
    | "shutdown"
    | "bad_request";
  readonly httpStatus: number;
  readonly message: string;
  /** The system's own code, for people. */
  readonly code?: string;
}

/** Names an error of the connection to a provider. The host is named, nothing of the request. */
export function faultOf(error: unknown, host: string): Fault {
  const code = codeOf(error);
  const known = { httpStatus: 502, ...(code !== undefined && { code }) };
  switch (code) {
    case "ECONNREFUSED":
      return { ...known, reason: "upstream_refused", message: `Nothing answers at ${host}.` };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { ...known, reason: "upstream_unknown_host", message: `The host name ${host} is not known.` };
    case "ECONNRESET":
    case "EPIPE":
    case "HPE_INVALID_EOF_STATE":
      return { ...known, reason: "upstream_reset", message: `${host} closed the connection.` };
    case "ETIMEDOUT":
      return { ...known, httpStatus: 504, reason: "timeout", message: `${host} did not answer in time.` };
    default:
      if (code !== undefined && /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)) {
        return {
          ...known,
          reason: "upstream_tls",
          message: `No trusted TLS connection to ${host} (${code}).`,
        };
      }
      return {
        ...known,
        reason: "upstream_unreachable",
        message: `No connection to ${host} (${code ?? "no code"}).`,
      };
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
