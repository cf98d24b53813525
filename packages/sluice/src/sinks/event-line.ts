import type { Event, Run } from "@sluice/sdk";
import { completionTokensOf, promptTokensOf } from "@sluice/sdk/internal";

/** What a model or a tool said is shown up to here: the line is for looking, not for keeping. */
const WORDS_CHARS_MAX = 120;

/**
 * An event as one line for people: time, kind, run, and what matters of it.
 *
 *     12:30:05.123 run.ended      0198… openai chat gpt-4.1 ok 812 ms 14→3 tokens
 *
 * Throws for what is no event.
 */
export function eventLine(event: Event): string {
  const { kind, runId, id, run, tool } = event;
  const time = String(event.time).slice(11, 23).padEnd(12);
  const parts = [time, kind.padEnd(14), runId ?? id];
  if (run) parts.push(...runWords(run, event.time));
  if (tool) parts.push(`${tool.name}(${argumentsOf(tool.arguments).slice(0, WORDS_CHARS_MAX)})`);
  return printable(parts.join(" "));
}

/** Without C0, C1 and DEL, which a terminal would obey. Line breaks are among them, so a line stays one. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

function runWords(run: Run, endTime: string): readonly string[] {
  const prompt = promptTokensOf(run.usage);
  const completion = completionTokensOf(run.usage);
  const hasEnded = run.startTime !== undefined && run.status !== undefined;
  const words = [
    run.provider,
    run.operation ?? run.type,
    run.name ?? run.request?.model,
    run.status,
    run.reason,
    hasEnded ? `${Date.parse(endTime) - Date.parse(run.startTime)} ms` : undefined,
    prompt === undefined && completion === undefined
      ? undefined
      : `${prompt ?? "?"}→${completion ?? "?"} tokens`,
    run.error?.message.slice(0, WORDS_CHARS_MAX),
  ];
  return words.filter((word) => word !== undefined);
}

function argumentsOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
