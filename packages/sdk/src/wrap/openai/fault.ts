import type { CallFault } from "../../providers/conclude.ts";
import { runErrorOf } from "../../run/run-error.ts";

/** Names what `fetch`, or the client around it, threw; the names are those of the proxy. Never throws. */
export function faultOf(thrown: unknown): CallFault {
  const { message, code, type } = runErrorOf(thrown);
  return { reason: reasonOf(code, type), message, ...(code !== undefined && { code }) };
}

function reasonOf(code: string | undefined, type: string | undefined): string {
  if (type === "APIConnectionTimeoutError" || type === "TimeoutError") return "timeout";
  switch (code) {
    case "ECONNREFUSED":
      return "upstream_refused";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "upstream_unknown_host";
    case "ECONNRESET":
    case "EPIPE":
    case "HPE_INVALID_EOF_STATE":
    case "UND_ERR_SOCKET":
      return "upstream_reset";
    case "ETIMEDOUT":
    case "UND_ERR_CONNECT_TIMEOUT":
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return "timeout";
    default:
      return code !== undefined && /CERT|TLS|SSL|UNABLE_TO/.test(code)
        ? "upstream_tls"
        : "upstream_unreachable";
  }
}
