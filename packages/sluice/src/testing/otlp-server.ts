import { gunzipSync } from "node:zlib";
import { type Clock, codeOf } from "@sluice/sdk/internal";
import { ProtoBytes } from "../sinks/otlp/proto-bytes.ts";
import type { Answer } from "./answer.ts";
import type { Backend, BackendRequest } from "./backend.ts";
import { behindPort } from "./behind-port.ts";
import { Malformed } from "./otlp/malformed.ts";
import { readRequest } from "./otlp/read-request.ts";
import type { OtlpSpan } from "./otlp/span.ts";

export interface OtlpServerOptions {
  /** What it takes. Phoenix and Lunary: protobuf only, and 415 for the rest. Default: both. */
  readonly encodings?: readonly Encoding[];
  /** Default true. Without it gzip is not undone, and the bytes are no request, as at Lunary. */
  readonly takesGzip?: boolean;
  /** Before and after decompression. Default: the protocol's 64 MiB. */
  readonly bodyBytesMax?: number;
  /** A header that each request must have, else 401. */
  readonly key?: { readonly header: string; readonly value: string };
  readonly clock?: Clock;
}

/**
 * A stand-in for a server of OTLP over HTTP, traces only, as strict as the protocol lets one be: both
 * encodings on one port, gzip, limits before and after decompression, and a Status in the request's type for
 * whatever it refuses; one span with a wrong id or a wrong time costs its whole request. What it took is in
 * `spans`, in the order of arrival; a span that comes again stands there again.
 */
export interface Otlp {
  /** What it says to a request; fits `startBackend`. */
  answer(request: BackendRequest): Answer;
  readonly spans: readonly OtlpSpan[];
  /** Why a span is rejected, by partial success; undefined takes it. Holds until it is called again. */
  rejectSpans(decide: (span: OtlpSpan) => string | undefined): void;
  /** What each full success says besides. */
  warn(message: string): void;
}

/** The stand-in behind a loopback port, with a script of faults like any backend. */
export interface OtlpServer extends Backend, Omit<Otlp, "answer"> {
  /** Where traces are posted; `url` is the base. */
  readonly endpoint: string;
}

type Encoding = "protobuf" | "json";

const TRACES_PATH = "/v1/traces";
const BODY_BYTES_MAX = 64 * 1024 * 1024;
const TYPES: Readonly<Record<Encoding, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

export function createOtlp(options: OtlpServerOptions = {}): Otlp {
  const { encodings = ["protobuf", "json"], takesGzip = true, bodyBytesMax = BODY_BYTES_MAX, key } = options;
  const spans: OtlpSpan[] = [];
  let decide: (span: OtlpSpan) => string | undefined = () => undefined;
  let warning = "";

  function take(body: Buffer, encoding: Encoding): Answer {
    const refused: string[] = [];
    for (const span of readRequest(body, encoding)) {
      const why = decide(span);
      if (why === undefined) spans.push(span);
      else refused.push(why);
    }
    return success(encoding, refused.length, refused[0] ?? warning);
  }

  return {
    spans,
    rejectSpans(chosen) {
      decide = chosen;
    },
    warn(message) {
      warning = message;
    },
    answer(request) {
      if (request.path !== TRACES_PATH) return { status: 404, body: "404 page not found" };
      if (request.method !== "POST") return { status: 405, body: "405 method not allowed" };
      const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
      const encoding = encodings.find((each) => TYPES[each] === type);
      if (!encoding) return { status: 415, body: "415 unsupported media type" };
      if (key && request.headers[key.header] !== key.value) return refusal(401, encoding, "no such key");
      if (request.body.length > bodyBytesMax) return refusal(413, encoding, "request body too large");
      try {
        const contentEncoding = takesGzip ? (request.headers["content-encoding"] ?? "identity") : "identity";
        return take(decompressed(request.body, contentEncoding, bodyBytesMax), encoding);
      } catch (error) {
        if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") return refusal(413, encoding, "request body too large");
        if (error instanceof Malformed) return refusal(400, encoding, error.message);
        throw error;
      }
    },
  };
}

export async function startOtlpServer(options: OtlpServerOptions = {}): Promise<OtlpServer> {
  const server = await behindPort(createOtlp(options), options.clock);
  return Object.assign(server, { endpoint: `${server.url}${TRACES_PATH}` });
}

function decompressed(body: Buffer, contentEncoding: string, bytesMax: number): Buffer {
  if (contentEncoding === "identity") return body;
  if (contentEncoding !== "gzip") throw new Malformed(`the content encoding ${contentEncoding} is unknown`);
  try {
    return gunzipSync(body, { maxOutputLength: bytesMax });
  } catch (error) {
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") throw error;
    throw new Malformed("the body is no gzip");
  }
}

/** An ExportTraceServiceResponse: without fields where all went well. */
function success(encoding: Encoding, rejected: number, message: string): Answer {
  const headers = { "content-type": TYPES[encoding] };
  const isFull = rejected === 0 && message === "";
  if (encoding === "json") {
    const partialSuccess = { rejectedSpans: String(rejected), errorMessage: message };
    return { headers, body: isFull ? {} : { partialSuccess } };
  }
  return { headers, body: isFull ? new Uint8Array() : messageOf(1, messageBody(1, rejected, message)) };
}

/** google.rpc.Status, in the type of the request. */
function refusal(status: number, encoding: Encoding, message: string): Answer {
  const code = RPC_CODES[status] ?? 2;
  const body = encoding === "json" ? { code, message } : messageBody(1, code, message);
  return { status, headers: { "content-type": TYPES[encoding] }, body };
}

/** INVALID_ARGUMENT, UNAUTHENTICATED, RESOURCE_EXHAUSTED. */
const RPC_CODES: Readonly<Record<number, number>> = { 400: 3, 401: 16, 413: 8 };

/** A number and the text in the field behind it: both a Status and a partial success are just that. */
function messageBody(number: number, count: number, text: string): Uint8Array {
  const out = new ProtoBytes(64);
  if (count > 0) {
    out.varint(number << 3);
    out.varint(count);
  }
  if (text !== "") {
    out.varint(((number + 1) << 3) | 2);
    out.text(text);
  }
  return out.written;
}

function messageOf(number: number, body: Uint8Array): Uint8Array {
  const out = new ProtoBytes(64);
  out.varint((number << 3) | 2);
  out.bytes(body);
  return out.written;
}
