import type { Failure } from "../classify.ts";
import { type Delivery, delivered } from "../delivery.ts";
import { decodeRpcStatus, decodeTraceResponse, type OtlpEncoding } from "./decode-response.ts";

/** A 2xx, as far as it is needed. */
interface Answer {
  readonly httpStatus: number;
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly isWhole: boolean;
}

/** What a 2xx said: how the batch fared, and what somebody should read although nothing was lost. */
export interface AnswerRead {
  readonly delivery: Delivery;
  readonly warning?: string;
}

/**
 * Reads a 2xx. Spans that the server rejected are lost for good, as the protocol forbids to send them again,
 * and only their number is told. A message without rejected spans is a warning. What is no answer of OTLP, as
 * a login page, is no success either.
 */
export function readAnswer(
  answer: Answer,
  asked: OtlpEncoding,
  redact: (words: string) => string,
): AnswerRead {
  const { httpStatus, bytes, contentType, isWhole } = answer;
  const unbelieved = (why: string): AnswerRead => ({
    delivery: { status: "retry", reason: `the answer is not that of OTLP: ${why}`, httpStatus },
  });
  if (!isWhole) return unbelieved("it does not end");
  const read = decodeTraceResponse(bytes, encodingOf(contentType, asked));
  if (read.status === "unreadable") return unbelieved(read.reason);
  const words = redact(read.errorMessage);
  if (read.rejectedSpans > 0) {
    const reason = words === "" ? "the server does not say why" : words;
    return { delivery: { status: "partly", rejected: read.rejectedSpans, reason, httpStatus } };
  }
  return { delivery: { ...delivered, httpStatus }, ...(words !== "" && { warning: words }) };
}

/** The words of a refusal: those of its Status, if it has one, else all that it says. */
export function wordsIn(bytes: Uint8Array, contentType: string): string {
  const text = Buffer.from(bytes).toString("utf8");
  const isTold = contentType.includes("protobuf") || contentType.includes("json");
  if (!isTold) return text;
  const status = decodeRpcStatus(bytes, encodingOf(contentType, "json"));
  return status.status === "read" && status.message !== "" ? status.message : text;
}

/** The server answers in the type of the request; anything that names no type of OTLP is read as JSON. */
function encodingOf(contentType: string, asked: OtlpEncoding): OtlpEncoding {
  if (contentType === "") return asked;
  return contentType.includes("protobuf") ? "protobuf" : "json";
}

/** All that may be sent again, by OTLP 1.x ("Retryable Response Codes"); a lost connection may as well. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const UNSUPPORTED_MEDIA_TYPE = 415;

/**
 * OTLP's own reading of a refusal. A status that must not be sent again is rejected where others would try
 * once more: 500 above all, and 408. What a person has to mend (key, URL, encoding) blocks, as everywhere.
 */
export function refusalOf(failure: Failure, encoding: OtlpEncoding): Failure {
  const { httpStatus, reason } = failure;
  if (httpStatus === undefined) return failure;
  if (failure.status === "retry" && !RETRYABLE.has(httpStatus)) {
    return { status: "rejected", reason, httpStatus };
  }
  if (httpStatus === UNSUPPORTED_MEDIA_TYPE) {
    const other = encoding === "json" ? "protobuf" : "json";
    return {
      ...failure,
      reason: `${reason} (it does not take ${encoding}, or no gzip: try encoding = "${other}")`,
    };
  }
  return failure;
}
