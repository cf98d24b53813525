import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib";
import type { Problem } from "./problem.ts";

/**
 * Reads a request's body whole, within limits, and undoes its content coding.
 *
 * A client decides neither how much memory it gets nor how long: the declared length is judged before a byte
 * is read, a chunked body at the byte that is one too many, and a compressed one while it grows. All bodies
 * together have a budget, and one is decompressed at a time, because a small request can ask for much there.
 */
export interface BodyReader {
  /** Never rejects. `release` gives the memory back to the budget and must be called once. */
  read(request: IncomingMessage): Promise<Body>;
}

type Body =
  | { readonly status: "whole"; readonly bytes: Uint8Array; release(): void }
  | { readonly status: "refused"; readonly problem: Problem; readonly retryAfterS?: number }
  /** The client hung up. Nobody is there to be answered. */
  | { readonly status: "gone" };

export interface BodyLimits {
  /** One body as it is sent. */
  readonly bytes: number;
  /** All bodies that are being read or used. */
  readonly allBytes: number;
}

/**
 * What a decompressed body may be, in bodies. Text shrinks to a tenth; what is larger was sent to be large.
 */
const DECOMPRESSED_TIMES_MAX = 5;
/**
 * What one compressed byte may become. The best real logs reach 50; bombs reach 1,000 (gzip) and 600,000
 * (brotli).
 */
const RATIO_MAX = 200;
/** Up to here no ratio is too high: a small body full of spaces is no attack. */
const RATIO_FREE_BYTES = 1024 * 1024;
/**
 * After a refusal this much more is read and thrown away, so that the client sees the answer and not a reset.
 */
const DISCARD_BYTES_MAX = 16 * 1024 * 1024;
/** Bodies are read in milliseconds; a client that found the budget used up need not wait longer. */
const BUSY_RETRY_AFTER_S = 1;

const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: promisify(gunzip),
  "x-gzip": promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};
type Decode = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Uint8Array>;

export function createBodyReader(limits: BodyLimits): BodyReader {
  let usedBytes = 0;
  let decoding: Promise<unknown> = Promise.resolve();

  const take = (bytes: number) => {
    usedBytes += bytes;
    return usedBytes <= limits.allBytes;
  };

  return {
    async read(request) {
      const coding = codingOf(request);
      if (coding === undefined) return refuse(request, UNKNOWN_CODING);
      const declared = Number(request.headers["content-length"] ?? 0);
      if (declared > limits.bytes) return refuse(request, tooLarge(limits.bytes));

      let heldBytes = 0;
      const hold = (bytes: number) => {
        heldBytes += bytes;
        return take(bytes);
      };
      const release = () => {
        usedBytes -= heldBytes;
        heldBytes = 0;
      };
      const body = await readBytes(request, limits.bytes, hold);
      if (body.status !== "whole") {
        release();
        return body.status === "gone" ? body : refuse(request, body.problem, body.retryAfterS);
      }
      if (coding === "identity" || body.bytes.length === 0) return { ...body, release };

      const decoded = decoding.then(() => decode(coding, body.bytes, limits.bytes));
      decoding = decoded;
      const result = await decoded;
      if (result instanceof Uint8Array) {
        if (hold(result.length)) return { status: "whole", bytes: result, release };
        release();
        return refuse(request, BUSY, BUSY_RETRY_AFTER_S);
      }
      release();
      return refuse(request, result);
    },
  };
}

type Read =
  | { readonly status: "whole"; readonly bytes: Uint8Array }
  | Exclude<Body, { readonly status: "whole" }>;

function readBytes(
  request: IncomingMessage,
  bytesMax: number,
  hold: (bytes: number) => boolean,
): Promise<Read> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    const finish = (read: Read) => {
      request.off("data", onData).off("end", onEnd).off("close", onClose);
      resolve(read);
    };
    const onData = (chunk: Uint8Array) => {
      sizeBytes += chunk.length;
      if (sizeBytes > bytesMax) return finish({ status: "refused", problem: tooLarge(bytesMax) });
      if (!hold(chunk.length)) {
        return finish({ status: "refused", problem: BUSY, retryAfterS: BUSY_RETRY_AFTER_S });
      }
      chunks.push(chunk);
    };
    const onEnd = () => finish({ status: "whole", bytes: joined(chunks) });
    const onClose = () => finish({ status: "gone" });
    request.on("data", onData).on("end", onEnd).on("close", onClose);
    // A hang-up shows as "close" too; the error itself says nothing more.
    request.on("error", () => {});
  });
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
}

async function decode(coding: string, bytes: Uint8Array, bytesMax: number): Promise<Uint8Array | Problem> {
  const byRatio = Math.max(RATIO_FREE_BYTES, bytes.length * RATIO_MAX);
  const maxOutputLength = Math.min(bytesMax * DECOMPRESSED_TIMES_MAX, byRatio);
  try {
    return (await DECODERS[coding]?.(bytes, { maxOutputLength })) ?? UNKNOWN_CODING;
  } catch (error) {
    // Everything else that a decoder throws says that the bytes are not what the header promised.
    const isTooLarge = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    return isTooLarge ? decompressedTooLarge(maxOutputLength) : badCoding(coding);
  }
}

/** "identity" for none; undefined for one we do not know, and for more than one. */
function codingOf(request: IncomingMessage): string | undefined {
  const coding = (request.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (coding === "" || coding === "identity") return "identity";
  return Object.hasOwn(DECODERS, coding) ? coding : undefined;
}

function refuse(request: IncomingMessage, problem: Problem, retryAfterS?: number): Body {
  discard(request);
  return { status: "refused", problem, ...(retryAfterS !== undefined && { retryAfterS }) };
}

function discard(request: IncomingMessage): void {
  let discardedBytes = 0;
  request.on("data", (chunk: Uint8Array) => {
    discardedBytes += chunk.length;
    if (discardedBytes > DISCARD_BYTES_MAX) request.destroy();
  });
}

const BUSY: Problem = {
  status: 503,
  code: "busy",
  detail: "Too many request bodies are being read at once. Send it again in a second.",
};

const UNKNOWN_CODING: Problem = {
  status: 415,
  code: "unsupported_content_encoding",
  detail: "The content-encoding must be one of gzip, deflate, br or zstd, and only one.",
};

function tooLarge(bytesMax: number): Problem {
  const detail = `The body is larger than ${bytesMax} bytes. Send fewer events in one request.`;
  return { status: 413, code: "body_too_large", detail };
}

function decompressedTooLarge(bytesMax: number): Problem {
  const detail = `Decompressed, the body grew beyond ${bytesMax} bytes. Send fewer events in one request.`;
  return { status: 413, code: "decompressed_too_large", detail };
}

function badCoding(coding: string): Problem {
  return { status: 400, code: "malformed_encoding", detail: `The body is not whole or is not ${coding}.` };
}
