import { codeOf } from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";

/** Well below what one request may carry (10 MiB), and enough that the round trips do not matter. */
const BATCH_LINES_MAX = 500;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** A line with its number in the input, for messages. */
export interface Line {
  readonly bytes: Uint8Array;
  readonly number: number;
}

/**
 * The lines of an input, empty ones left out, as many as go into one request together. A line that is too
 * long for any request stands alone, so that its refusal costs no other. Rejects with INPUT_UNREADABLE, which
 * names `path`.
 */
export async function* lineBatches(
  chunks: AsyncIterable<unknown>,
  path: string,
): AsyncGenerator<readonly Line[]> {
  let lines: Line[] = [];
  let number = 0;
  let sizeBytes = 0;
  for await (const bytes of linesOf(chunks, path)) {
    number++;
    if (isBlank(bytes)) continue;
    if (lines.length === BATCH_LINES_MAX || sizeBytes + bytes.length >= BATCH_BYTES_MAX) {
      if (lines.length > 0) yield lines;
      lines = [];
      sizeBytes = 0;
    }
    lines.push({ bytes, number });
    sizeBytes += bytes.length + 1;
  }
  if (lines.length > 0) yield lines;
}

/** The bytes as they are: what is not UTF-8 is the daemon's to refuse, and never to be mended in silence. */
async function* linesOf(chunks: AsyncIterable<unknown>, path: string): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  try {
    for await (const chunk of chunks) {
      const bytes = chunk instanceof Uint8Array ? chunk : Buffer.from(String(chunk));
      let start = 0;
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
        yield Buffer.concat([...parts, bytes.subarray(start, end)]);
        parts = [];
        start = end + 1;
      }
      if (start < bytes.length) parts.push(bytes.subarray(start));
    }
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || SluiceError.is(error)) throw error;
    throw new SluiceError("INPUT_UNREADABLE", { path, cause: code }, error);
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}

const LINE_FEED = 0x0a;

/** Nothing but what JSON calls white space. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
