import type { Event } from "@sluice/sdk";
import {
  codeOf,
  completionTokensOf,
  jsonlEntry,
  type Output,
  promptTokensOf,
  systemOutput,
} from "@sluice/sdk/internal";
import { z } from "zod";
import { defineSink, type Outgoing } from "./define.ts";
import { type Delivery, delivered } from "./delivery.ts";
import { untilAborted } from "./until-aborted.ts";

export const consoleSink = defineSink({
  type: "console",
  summary: "Prints each event as one line on standard output.",
  options: z.strictObject({
    format: z
      .enum(["text", "json"])
      .default("text")
      .describe("text: a short line for people. json: the event as it was spooled."),
  }),
  // A terminal is slow, and what is printed should be from now.
  limits: { events: 256, bytes: 1024 * 1024, ageMs: 100 },
  order: "run",
  inFlight: 1,
  docs: {
    example: '[[sinks]]\nname = "console"\ntype = "console"\n\n[sinks.params]\nformat = "text"',
    mapping: [["every event", "one line on standard output"]],
    notes: [
      "Control characters are removed from the lines, so that no event can move the cursor or start a line of its own.",
      "Delivered means handed to the operating system: a terminal keeps nothing.",
    ],
  },
  destination: () => "stdout",
  async open(options, context) {
    const output = context.output ?? systemOutput;
    const line = options.format === "json" ? jsonLine : textLine;
    return {
      async send(batch, signal) {
        if (batch.length === 0) return delivered;
        const text = batch.map((outgoing) => `${line(outgoing)}\n`).join("");
        return write(output, text, signal);
      },
      check: async () => undefined,
      close: async () => undefined,
    };
  },
});

/** Ends with the signal even while nobody reads the other side of the pipe. */
function write(output: Output, text: string, signal: AbortSignal): Promise<Delivery> {
  const stopped: Delivery = { status: "retry", reason: "stopped while it was printed" };
  if (signal.aborted) return Promise.resolve(stopped);
  const written = output.write(text).then(() => delivered, failureOf);
  return untilAborted(written, signal, stopped);
}

function failureOf(error: unknown): Delivery {
  const words = error instanceof Error ? error.message : String(error);
  if (codeOf(error) === "EPIPE")
    return { status: "blocked", reason: "nobody reads standard output any more" };
  return { status: "retry", reason: words };
}

function jsonLine(outgoing: Outgoing): string {
  return withoutControls(Buffer.from(jsonlEntry(outgoing.raw)).toString("utf8"));
}

/** `12:30:05.123 run.ended     0198…  llm gpt-4.1 ok 812 ms 14→3 tokens`. */
function textLine(outgoing: Outgoing): string {
  try {
    const { event } = outgoing;
    const parts = [timeOf(event), event.kind.padEnd(14), event.runId ?? event.id, ...details(event)];
    return withoutControls(parts.join(" "));
  } catch {
    // Whatever cannot be read as an event is shown as it is: the console is where one looks for the reason.
    return jsonLine(outgoing);
  }
}

function timeOf(event: Event): string {
  return String(event.time).slice(11, 23).padEnd(12);
}

function details(event: Event): string[] {
  const { run, tool } = event;
  if (tool) return [`${tool.name}(${argumentsOf(tool.arguments)})`];
  if (!run) return [];
  const words = [run.type, run.name ?? run.request?.model, run.status, run.reason];
  const prompt = promptTokensOf(run.usage);
  const completion = completionTokensOf(run.usage);
  if (run.startTime !== undefined && run.status !== undefined) {
    words.push(`${Date.parse(event.time) - Date.parse(run.startTime)} ms`);
  }
  if (prompt !== undefined || completion !== undefined) {
    words.push(`${prompt ?? "?"}→${completion ?? "?"} tokens`);
  }
  words.push(run.error?.message);
  return words.filter((word) => word !== undefined);
}

function argumentsOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** C0, C1 and DEL: what a terminal would obey. Line breaks are among them, so a line stays one. */
function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}
