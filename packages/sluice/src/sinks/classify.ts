import { codeOf } from "@sluice/sdk/internal";
import { AddressRefused } from "./addresses.ts";
import type { Delivery } from "./delivery.ts";
import { retryAfterMs } from "./retry-after.ts";

/** A delivery that did not happen: all events of the batch share it. */
export type Failure = Extract<Delivery, { status: "retry" | "rejected" | "tooLarge" | "blocked" }>;

export interface Refusal {
  readonly httpStatus: number;
  readonly retryAfter: string | undefined;
  /** The backend's own time, if it says it: its dates are to be read by its clock. */
  readonly date?: string | undefined;
  readonly location: string | undefined;
  /** What the backend said, safe to show. */
  readonly words: string;
}

/** Who answers in JSON knows the path, and lacks something behind it. */
const SAYS_WHAT_IS_ABSENT = /^\s*[{[]/;

/**
 * What an HTTP status other than 2xx means for the batch. Payload faults are rejected, passing trouble is
 * retried, and whatever a person has to mend blocks, so that a wrong key or URL never costs an event. A
 * status we have no rule for blocks too: it keeps everything until somebody looked.
 */
export function failureOf(refusal: Refusal, nowMs: number): Failure {
  const { httpStatus, words } = refusal;
  const reason = words === "" ? `HTTP ${httpStatus}` : `HTTP ${httpStatus}: ${words}`;
  if (httpStatus === 408 || httpStatus === 425 || httpStatus === 429 || httpStatus >= 500) {
    const waitMs = retryAfterMs(refusal.retryAfter, nowMs, refusal.date);
    return { status: "retry", reason, httpStatus, ...(waitMs !== undefined && { retryAfterMs: waitMs }) };
  }
  if (httpStatus === 400 || httpStatus === 409 || httpStatus === 422) {
    return { status: "rejected", reason, httpStatus };
  }
  if (httpStatus === 413) return { status: "tooLarge", reason, httpStatus };
  if (httpStatus === 404 && !SAYS_WHAT_IS_ABSENT.test(words)) {
    return { status: "blocked", reason: `${reason} (is the endpoint right?)`, httpStatus };
  }
  if (httpStatus < 300 || httpStatus >= 400) return { status: "blocked", reason, httpStatus };
  const to = refusal.location === undefined ? "" : ` to ${refusal.location}`;
  const redirected = `HTTP ${httpStatus}: it redirects${to}, and redirects are never followed`;
  return { status: "blocked", reason: redirected, httpStatus };
}

/** Node's and OpenSSL's codes for "this server is not who it says it is, or speaks no TLS that we accept". */
const CERTIFICATE_CODES =
  /CERT|ISSUER|SELF_SIGNED|VERIFY_LEAF|INVALID_CA|HOSTNAME_MISMATCH|UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION/;

/** OpenSSL's own sentence for it names a line of its source, and nothing that a person could mend. */
const NO_TLS = "ERR_SSL_WRONG_VERSION_NUMBER";

/** What it means that there was no answer at all. `words` is the error's text, safe to show. */
export function failureOfError(error: unknown, words: string): Failure {
  if (error instanceof AddressRefused) return { status: "blocked", reason: words };
  const code = codeOf(error) ?? "";
  if (code === NO_TLS) {
    const reason = `there is no TLS at this port: is the endpoint right, or meant with http:? (${code})`;
    return { status: "retry", reason };
  }
  if (CERTIFICATE_CODES.test(code)) return { status: "blocked", reason: `TLS: ${words} (${code})` };
  return { status: "retry", reason: code === "" ? words : `${words} (${code})` };
}
