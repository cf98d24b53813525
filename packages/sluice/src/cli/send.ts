import { codeOf } from "@sluice/sdk/internal";
import type { Command } from "commander";
import type { DaemonClient } from "../daemon/client.ts";
import { EXIT, SluiceError } from "../errors.ts";
import { type CliContext, type CommonFlags, findDaemon, withCommonFlags } from "./context.ts";
import { fileChunks } from "./input.ts";

/** Well below what one request may carry (10 MiB), and enough that the round trips do not matter. */
const BATCH_LINES_MAX = 500;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

interface Outcome {
  readonly accepted: number;
  readonly refused: number;
  readonly sentences: readonly string[];
}

/**
 * `sluice send`: events from a file or stdin, one JSON object a line. Exit 4 when some were refused, 1 when
 * all were.
 */
export function addSend(program: Command, context: CliContext): void {
  withCommonFlags(program.command("send").description("send events, one JSON object a line"))
    .argument("[file]", "where to read; - or nothing is stdin", "-")
    .action(async (file: string, flags: CommonFlags) => {
      const client = await findDaemon(context, flags);
      let accepted = 0;
      let refused = 0;
      for await (const batch of batches(file === "-" ? process.stdin : fileChunks(file), file)) {
        const outcome = await post(client, batch);
        accepted += outcome.accepted;
        refused += outcome.refused;
        for (const sentence of outcome.sentences) context.say(sentence);
      }
      context.say(`${accepted} events accepted${refused > 0 ? `, ${refused} refused` : ""}.`);
      if (refused > 0) context.exit = accepted > 0 ? EXIT.partial : EXIT.failure;
    });
}

/** A line with its number in the input, for messages. */
interface Line {
  readonly bytes: Uint8Array;
  readonly number: number;
}

async function* batches(chunks: AsyncIterable<unknown>, path: string): AsyncGenerator<readonly Line[]> {
  let lines: Line[] = [];
  let number = 0;
  let sizeBytes = 0;
  for await (const bytes of linesOf(chunks, path)) {
    number++;
    if (isBlank(bytes)) continue;
    lines.push({ bytes, number });
    sizeBytes += bytes.length;
    if (lines.length < BATCH_LINES_MAX && sizeBytes < BATCH_BYTES_MAX) continue;
    yield lines;
    lines = [];
    sizeBytes = 0;
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

async function post(client: DaemonClient, lines: readonly Line[]): Promise<Outcome> {
  const response = await client.request("POST", "/v1/events", {
    body: Buffer.concat(lines.flatMap(({ bytes }) => [bytes, NEW_LINE])),
    headers: { "content-type": "application/x-ndjson" },
    takesAll: true,
    signal: AbortSignal.timeout(DURABLE_MS),
  });
  if (response.status === 202) return { accepted: lines.length, refused: 0, sentences: [] };
  const answer: Answer = JSON.parse(await response.text());
  if (answer.items === undefined) {
    // One reason for all of them: the body as a whole, a full spool, or the only line there was.
    const sentence = `line ${lines[0]?.number ?? 1}: ${answer.detail ?? response.status}`;
    return { accepted: 0, refused: lines.length, sentences: [sentence] };
  }
  const refused = answer.items.filter(({ status }) => status === "rejected" || status === "unavailable");
  return {
    accepted: lines.length - refused.length,
    refused: refused.length,
    sentences: refused.map(({ index, detail }) => `line ${lines[index]?.number ?? "?"}: ${detail}`),
  };
}

const NEW_LINE = Buffer.from("\n");

/** Until everything is on disk; a busy device may take long. */
const DURABLE_MS = 60_000;

/** What our own daemon answers when not all is well. */
interface Answer {
  readonly detail?: string;
  readonly items?: readonly { readonly index: number; readonly status: string; readonly detail?: string }[];
}
