import { decodeEvent } from "../event/codec.ts";
import type { Event } from "../event/event.ts";
import { completionTokensOf, promptTokensOf } from "../event/token-totals.ts";
import type { Clock } from "../system/clock.ts";
import { type Output, systemErrorOutput, systemOutput } from "../system/output.ts";
import type { Random } from "../system/random.ts";
import { createBufferedEmitter } from "./buffered.ts";
import type { OnDrop } from "./drop.ts";
import type { Emitter } from "./emitter.ts";

/**
 * Prints events for the person in front of the terminal: a line each, and what they are about.
 *
 *     05:00:02.000 run.ended llm gpt-4o ok 812 ms 11 tokens
 *
 * Or as JSON, for the next program. Events that are printed are in order; other output of the process may
 * stand between them. A reader that has gone away (EPIPE) is a drop, and never the end of the process.
 */
export interface ConsoleOptions {
  /** "line" unless said otherwise. */
  readonly format?: "line" | "json";
  /** "stderr" unless said otherwise: standard output is often a program's data. */
  readonly stream?: "stderr" | "stdout";
  readonly onDrop?: OnDrop;
  /** For tests: the machine's own otherwise. */
  readonly output?: Output;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Nobody sees the difference, and a burst is one write. */
const BATCH_AGE_MS = 10;
const TEXT_CHARS_MAX = 200;

/** An emitter that prints. Starts nothing before the first event. */
export function createConsoleEmitter(options: ConsoleOptions = {}): Emitter {
  const { format = "line", stream = "stderr", output, ...rest } = options;
  const target = output ?? (stream === "stdout" ? systemOutput : systemErrorOutput);
  return createBufferedEmitter({
    ...rest,
    batchAgeMs: BATCH_AGE_MS,
    write({ bytes, events }) {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
      if (format === "json") return target.write(text);
      const lines = text.split("\n", events).map(lineOf);
      return target.write(`${lines.join("\n")}\n`);
    },
  });
}

function lineOf(json: string): string {
  const event = decodeEvent(Buffer.from(json));
  const { kind, time, run, tool, scope } = event;
  const words = [
    ...[time.slice(11, 23).replace("Z", ""), kind, run?.type, run?.name, run?.status, durationOf(event)],
    ...[tokensOf(event), run?.error?.message ?? run?.reason, tool?.name],
    scope?.kind === "user" ? `user=${scope.id}` : undefined,
    event.data === undefined ? undefined : JSON.stringify(event.data),
  ];
  return words
    .filter((word) => word !== undefined && word !== "")
    .map(printable)
    .join(" ");
}

function durationOf({ kind, time, run }: Event): string | undefined {
  if (kind !== "run.ended" || run?.startTime === undefined) return undefined;
  return `${Date.parse(time) - Date.parse(run.startTime)} ms`;
}

function tokensOf({ run }: Event): string | undefined {
  const tokens = (promptTokensOf(run?.usage) ?? 0) + (completionTokensOf(run?.usage) ?? 0);
  return tokens === 0 ? undefined : `${tokens} tokens`;
}

/** One line, of a length that fits, and nothing in it that a terminal would obey. */
function printable(word: unknown): string {
  const text = String(word);
  const short = text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text;
  return short.replaceAll(/[\p{Cc}\u2028\u2029]/gu, " ");
}
