import type { Transform } from "node:stream";
import * as zlib from "node:zlib";

/** What decodes the copy that a capture reads. Bytes go to the client as they came, encoded or not. */
export interface Decoder {
  write(chunk: Buffer): void;
  /** No more comes. `onEnd` follows, once, when all that could be decoded has been given to `onChunk`. */
  end(): void;
}

export interface DecoderEvents {
  onChunk(chunk: Buffer): void;
  /** With true when the bytes were not what their header said. */
  onEnd(isDamaged: boolean): void;
}

/** A decoded copy of more than this is a bomb, or nothing that anybody reads: decoding stops there. */
const DECODED_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Opens a decoder for a `Content-Encoding`; undefined when there is nothing to decode, "unknown" when we
 * cannot.
 */
export function openDecoder(
  encoding: string | undefined,
  events: DecoderEvents,
): Decoder | "unknown" | undefined {
  const name = encoding?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity") return undefined;
  const stream = decoderOf(name);
  return stream === undefined ? "unknown" : run(stream, events);
}

function decoderOf(name: string): Transform | undefined {
  // A stream that is cut off still gives all that it held, instead of an error.
  const flushes = { finishFlush: zlib.constants.Z_SYNC_FLUSH };
  switch (name) {
    case "gzip":
    case "x-gzip":
      return zlib.createGunzip(flushes);
    case "deflate":
      return zlib.createInflate(flushes);
    case "br":
      return zlib.createBrotliDecompress({ finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH });
    case "zstd":
      return zlib.createZstdDecompress({ finishFlush: zlib.constants.ZSTD_e_flush });
    default:
      return undefined;
  }
}

function run(stream: Transform, events: DecoderEvents): Decoder {
  let decodedBytes = 0;
  let isOver = false;
  const over = (isDamaged: boolean) => {
    if (isOver) return;
    isOver = true;
    events.onEnd(isDamaged);
    stream.destroy();
  };
  let hasFailed = false;
  let hasEnded = false;
  // A damaged copy ends with the call, not before: its end is asked for once.
  const fail = () => {
    hasFailed = true;
    if (hasEnded) over(true);
  };
  stream.on("data", (chunk: Buffer) => {
    decodedBytes += chunk.length;
    if (decodedBytes <= DECODED_BYTES_MAX) events.onChunk(chunk);
    else stream.destroy(new Error("decoded copy too long"));
  });
  stream.on("error", fail);
  stream.on("end", () => over(false));
  return {
    write: (chunk) => {
      if (!hasFailed) stream.write(chunk);
    },
    end: () => {
      hasEnded = true;
      if (hasFailed) over(true);
      else stream.end();
    },
  };
}
