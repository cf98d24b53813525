import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createSseSplitter, type ServerSentEvent } from "./sse.ts";

/** The events of a stream that comes in these pieces, as [name, data]. */
function split(pieces: readonly string[], eventCharsMax?: number): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const limit = eventCharsMax === undefined ? {} : { eventCharsMax };
  const splitter = createSseSplitter({ onEvent: (event) => events.push(event), ...limit });
  for (const piece of pieces) splitter.feed(piece);
  splitter.end();
  return events;
}

test.each([
  ["with a space", "data: one\n\n", [{ name: "", data: "one" }]],
  ["without a space", "data:one\n\n", [{ name: "", data: "one" }]],
  ["one space only is taken", "data:  one\n\n", [{ name: "", data: " one" }]],
  ["CRLF", "event: a\r\ndata: one\r\n\r\n", [{ name: "a", data: "one" }]],
  ["CR", "event: a\rdata: one\r\r", [{ name: "a", data: "one" }]],
  ["several lines of data", "data: one\ndata\ndata: two\n\n", [{ name: "", data: "one\n\ntwo" }]],
  [
    "comments and unknown fields",
    ": hello\nid: 7\nretry: 1\nfoo\ndata: one\n\n",
    [{ name: "", data: "one" }],
  ],
  ["an event without data is none", "event: a\n\ndata: one\n\n", [{ name: "", data: "one" }]],
  ["a byte order mark", "\ufeffdata: one\n\n", [{ name: "", data: "one" }]],
  [
    "the end inside an event",
    "data: one\n\ndata: tw",
    [
      { name: "", data: "one" },
      { name: "", data: "tw", isUnfinished: true },
    ],
  ],
  [
    "the end before the blank line",
    "event: x\ndata: one\n",
    [{ name: "x", data: "one", isUnfinished: true }],
  ],
])("%s", (_, text, events) => {
  expect(split([text])).toEqual(events);
  expect(split([...text])).toEqual(events);
});

test("events are the same however the stream is cut", () => {
  const eol = fc.constantFrom("\n", "\r\n", "\r");
  const value = fc.string({ unit: "grapheme", maxLength: 8 }).map((text) => text.replace(/[\r\n]/g, ""));
  const line = fc.oneof(
    value.map((text) => `data: ${text}`),
    value.map((text) => `data:${text}`),
    value.map((text) => `event: ${text}`),
    value.map((text) => `: ${text}`),
    fc.constant(""),
  );
  const stream = fc
    .tuple(fc.array(line, { maxLength: 20 }), eol)
    .map(([lines, end]) => lines.map((each) => each + end).join(""));
  fc.assert(
    fc.property(stream, fc.array(fc.nat(200), { maxLength: 12 }), (text, cuts) => {
      const at = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
      const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
      expect(split(pieces)).toEqual(split([text]));
    }),
    { verbose: 1, numRuns: 500 },
  );
});

test("an event that is too long keeps its head and its tail, and the next one is whole", () => {
  const long = `${"a".repeat(300_000)}END`;
  const text = `data: ${long}\n\ndata: next\n\n`;
  const pieces = text.match(/[\s\S]{1,10000}/g) ?? [];

  const events = split(pieces, 1_000);

  expect(events).toHaveLength(2);
  expect(events[0]?.data.length).toBeLessThan(12_000);
  expect(events[0]?.tail?.endsWith("END")).toBe(true);
  expect(events[0]?.tail?.length).toBe(64 * 1024);
  expect(events[1]).toEqual({ name: "", data: "next" });
});
