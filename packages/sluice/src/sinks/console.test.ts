import type { Event } from "@sluice/sdk";
import { ManualClock, systemDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { llmRun, outgoing } from "../testing/outgoing.ts";
import { consoleSink } from "./console.ts";

const forever = new AbortController().signal;

async function printed(format: "text" | "json", ...events: readonly Event[]): Promise<string> {
  let text = "";
  const output = {
    async write(more: string) {
      text += more;
    },
  };
  const sink = await open(format, output);
  expect(await sink.send(events.map(outgoing), forever)).toEqual({ status: "delivered" });
  return text;
}

function open(format: "text" | "json", output: { write(text: string): Promise<void> }) {
  const context = {
    name: "console",
    clock: new ManualClock(),
    disk: systemDisk,
    dataDir: "/",
    warn: () => undefined,
  };
  return consoleSink.open({ format }, { ...context, output });
}

test("a run is one line that a person can read", async () => {
  expect(await printed("text", llmRun({ runId: "r-1" }))).toBe(
    "00:00:01.000 run.ended      r-1 openai chat gpt-4.1-mini ok 1000 ms 5→2 tokens\n",
  );
});

test("a tool call shows what the model asked for", async () => {
  const tool = { name: "get_weather", arguments: { city: "Bonn" } };

  expect(
    await printed("text", { id: "t", kind: "tool.called", time: "2026-01-01T00:00:01Z", runId: "r", tool }),
  ).toBe('00:00:01Z    tool.called    r get_weather({"city":"Bonn"})\n');
});

test("json prints the event itself", async () => {
  const event = llmRun();

  expect(JSON.parse(await printed("json", event))).toEqual(event);
});

test.each(["text", "json"] as const)(
  "no event can start a line of its own or steer the terminal (%s)",
  async (format) => {
    const text = await printed(format, llmRun({ runId: "a\r\nb\u001b[2J\u009b\u007fc" }), llmRun());

    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    expect(text.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(text.split("\n").length).toBe(3);
  },
);

test("an output that nobody reads any more blocks, one that hangs ends with the signal", async () => {
  const epipe = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
  const closed = await open("text", { write: () => Promise.reject(epipe) });
  const hung = await open("text", { write: () => new Promise(() => undefined) });
  const controller = new AbortController();

  const sending = hung.send([outgoing(llmRun())], controller.signal);
  controller.abort();

  expect((await closed.send([outgoing(llmRun())], forever)).status).toBe("blocked");
  expect((await sending).status).toBe("retry");
});
