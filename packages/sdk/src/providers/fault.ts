/** Why a call got no answer, or no whole one: the run's `reason`, stable, for programs. */
export type ConnectionFault =
  | "upstream_refused"
  | "upstream_unknown_host"
  | "upstream_tls"
  | "upstream_reset"
  | "upstream_unreachable"
  | "timeout";

/** Names what the system, or `fetch`, calls an error of a connection. What is not known is unreachable. */
export function connectionFaultOf(code: string | undefined): ConnectionFault {
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
      return TLS_CODE.test(code ?? "") ? "upstream_tls" : "upstream_unreachable";
  }
}

/** Node has some sixty codes for certificates; all have one of these in them. */
const TLS_CODE = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/;
