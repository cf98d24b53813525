import type { Command } from "commander";
import type { DaemonClient } from "../daemon/client.ts";
import { EXIT } from "../errors.ts";
import { type CliContext, type CommonFlags, findDaemon, withCommonFlags } from "./context.ts";
import { fileChunks } from "./input.ts";
import { type Line, lineBatches } from "./line-batches.ts";
import { refusalSentences } from "./refusal-sentences.ts";

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
      for await (const batch of lineBatches(file === "-" ? process.stdin : fileChunks(file), file)) {
        const outcome = await post(client, batch);
        accepted += outcome.accepted;
        refused += outcome.refused;
        for (const sentence of outcome.sentences) context.say(sentence);
      }
      context.say(`${accepted} events accepted${refused > 0 ? `, ${refused} refused` : ""}.`);
      if (refused > 0) context.exit = accepted > 0 ? EXIT.partial : EXIT.failure;
    });
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
    const detail = answer.detail ?? String(response.status);
    const refusals = lines.map(({ number }) => ({ number, detail }));
    return { accepted: 0, refused: lines.length, sentences: refusalSentences(refusals) };
  }
  const refused = answer.items.filter(({ status }) => status === "rejected" || status === "unavailable");
  return {
    accepted: lines.length - refused.length,
    refused: refused.length,
    sentences: refusalSentences(
      refused.map(({ index, detail = "" }) => ({ number: lines[index]?.number ?? index + 1, detail })),
    ),
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
