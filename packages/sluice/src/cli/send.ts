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

/** `sluice send`: events from a file or stdin, one JSON object a line. Exit 4 when some were refused, 1 when all were. */
export function addSend(program: Command, context: CliContext): void {
  withCommonFlags(program.command("send").description("send events, one JSON object a line"))
    .argument("[file]", "where to read; - or nothing is stdin", "-")
    .action(async (file: string, flags: CommonFlags) => {
      const client = await findDaemon(context, flags);
      let accepted = 0;
      let refused = 0;
      for await (const { lines, firstLine } of batches(
        file === "-" ? process.stdin : fileChunks(file),
        file,
      )) {
        const outcome = await post(client, lines, firstLine);
        accepted += outcome.accepted;
        refused += outcome.refused;
        for (const sentence of outcome.sentences) context.say(sentence);
      }
      context.say(`${accepted} events accepted${refused > 0 ? `, ${refused} refused` : ""}.`);
      if (refused > 0) context.exit = accepted > 0 ? EXIT.partial : EXIT.failure;
    });
}

interface Batch {
  readonly lines: readonly string[];
  /** Number of the first, for messages. */
  readonly firstLine: number;
}

async function* batches(chunks: AsyncIterable<unknown>, path: string): AsyncGenerator<Batch> {
  let lines: string[] = [];
  let firstLine = 1;
  let lineNumber = 0;
  let sizeBytes = 0;
  for await (const line of linesOf(chunks, path)) {
    lineNumber++;
    if (line.trim() === "") continue;
    if (lines.length === 0) firstLine = lineNumber;
    lines.push(line);
    sizeBytes += Buffer.byteLength(line);
    if (lines.length < BATCH_LINES_MAX && sizeBytes < BATCH_BYTES_MAX) continue;
    yield { lines, firstLine };
    lines = [];
    sizeBytes = 0;
  }
  if (lines.length > 0) yield { lines, firstLine };
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
    if (code === undefined) throw error;
    throw new SluiceError("INPUT_UNREADABLE", { path, cause: code }, error);
  }
  if (rest !== "") yield rest;
}

async function post(client: DaemonClient, lines: readonly string[], firstLine: number): Promise<Outcome> {
  const response = await client.request("POST", "/v1/events", {
    body: lines.join("\n"),
    headers: { "content-type": "application/x-ndjson" },
    takesAll: true,
    // Until everything is on disk; a full device may take long.
    signal: AbortSignal.timeout(60_000),
  });
  if (response.status === 202) return { accepted: lines.length, refused: 0, sentences: [] };
  const text = await response.text();
  const items = itemsOf(text);
  if (items.length === 0) {
    const sentence = `lines ${firstLine} to ${firstLine + lines.length - 1}: ${response.status} ${text.trim()}`;
    return { accepted: 0, refused: lines.length, sentences: [sentence] };
  }
  const refused = items.filter(({ status }) => status >= 400);
  return {
    accepted: lines.length - refused.length,
    refused: refused.length,
    sentences: refused.map(({ index, detail }) => `line ${firstLine + index}: ${detail}`),
  };
}

interface Item {
  readonly index: number;
  readonly status: number;
  readonly detail: string;
}

/** The items of a mixed answer, whatever else it says. */
function itemsOf(text: string): readonly Item[] {
  try {
    const answer: unknown = JSON.parse(text);
    const items =
      typeof answer === "object" && answer !== null && "items" in answer ? answer.items : undefined;
    if (!Array.isArray(items)) return [];
    return items.map((item, index) => ({
      index: typeof item?.index === "number" ? item.index : index,
      status: Number(item?.status ?? 0),
      detail: String(item?.detail ?? item?.code ?? item?.status),
    }));
  } catch {
    return [];
  }
}
