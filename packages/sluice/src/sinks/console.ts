import { codeOf, jsonlEntry, type Output, systemOutput } from "@sluice/sdk/internal";
import { z } from "zod";
import { defineSink, type Outgoing } from "./define.ts";
import { type Delivery, delivered } from "./delivery.ts";
import { eventLine, printable } from "./event-line.ts";
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
  return printable(Buffer.from(jsonlEntry(outgoing.raw)).toString("utf8"));
}

function textLine(outgoing: Outgoing): string {
  try {
    return eventLine(outgoing.event);
  } catch {
    // Whatever cannot be read as an event is shown as it is: the console is where one looks for the reason.
    return jsonLine(outgoing);
  }
}
