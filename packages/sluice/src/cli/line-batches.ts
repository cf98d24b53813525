import { codeOf } from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";

/** Well below what one request may carry (10 MiB), and enough that the round trips do not matter. */
const BATCH_LINES_MAX = 500;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** A line with its number in the input, for messages. */
export interface Line {
  readonly text: string;
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
  for await (const text of linesOf(chunks, path)) {
    number++;
    if (text.trim() === "") continue;
    const lineBytes = Buffer.byteLength(text) + 1;
    if (lines.length === BATCH_LINES_MAX || sizeBytes + lineBytes > BATCH_BYTES_MAX) {
      if (lines.length > 0) yield lines;
      lines = [];
      sizeBytes = 0;
    }
    lines.push({ text, number });
    sizeBytes += lineBytes;
  }
  if (lines.length > 0) yield lines;
}

async function* linesOf(chunks: AsyncIterable<unknown>, path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of chunks) {
      const text = chunk instanceof Uint8Array ? decoder.decode(chunk, { stream: true }) : String(chunk);
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || SluiceError.is(error)) throw error;
    throw new SluiceError("INPUT_UNREADABLE", { path, cause: code }, error);
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
