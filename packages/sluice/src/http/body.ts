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
 * A body that is larger may use half of the room only: however many of them there are, the small
 * ones of others pass.
 */
const SMALL_BYTES_MAX = 256 * 1024;
const LARGE_SHARE = 0.5;
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

  /** Even what is refused is counted until its request gives it back. */
  const take = (bytes: number, bodyBytes: number) => {
    usedBytes += bytes;
    const share = bodyBytes > SMALL_BYTES_MAX ? LARGE_SHARE : 1;
    // One body alone may have all there is: a decompressed one can be as large as that.
    return usedBytes <= limits.allBytes * share || usedBytes === bodyBytes;
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
        return take(bytes, heldBytes);
      };
      const release = () => {
        usedBytes -= heldBytes;
        heldBytes = 0;
      };
      const body = await readBytes(request, limits.bytes, declared, hold);
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
  declared: number,
  hold: (bytes: number) => boolean,
): Promise<Read> {
  return new Promise((resolve) => {
    const collected = new Collected(declared);
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
      collected.add(chunk);
    };
    const onEnd = () => finish({ status: "whole", bytes: collected.bytes });
    const onClose = () => finish({ status: "gone" });
    request.on("data", onData).on("end", onEnd).on("close", onClose);
    // A hang-up shows as "close" too; the error itself says nothing more.
    request.on("error", () => {});
  });
}

/** A body of unknown length is never held with more room than this behind it. */
const GROW_BYTES_MAX = 2 * 1024 * 1024;

/**
 * The bytes that have come, in one buffer. It grows with them and not with what a client declares, and the
 * pieces in which they came are let go at once: kept until the end, they and their sum would be twice the
 * body.
 */
class Collected {
  readonly #declared: number;
  #buffer: Uint8Array = new Uint8Array(0);
  #length = 0;

  constructor(declared: number) {
    this.#declared = declared;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  add(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    // Most bodies come in one piece, which then is the body.
    if (this.#length === 0) this.#buffer = chunk;
    else {
      if (length > this.#buffer.length) this.#grow(length);
      this.#buffer.set(chunk, this.#length);
    }
    this.#length = length;
  }

  #grow(length: number): void {
    const wanted = Math.max(length, Math.min(this.#buffer.length * 2, this.#buffer.length + GROW_BYTES_MAX));
    const larger = Buffer.allocUnsafeSlow(
      this.#declared >= length ? Math.min(wanted, this.#declared) : wanted,
    );
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
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
