import fc from "fast-check";
import { expect, test } from "vitest";
import { createSseSplitter, type ServerSentEvent } from "../../providers/sse.ts";
import { SSE_END, seqOf, sseEnd, sseEvent } from "./sse-text.ts";

function parse(text: string): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const splitter = createSseSplitter({ onEvent: (event) => events.push(event) });
  splitter.feed(text);
  splitter.end();
  return events;
}

/** What once broke somebody's server-sent events. */
const NASTY = [
  "\n\n",
  "\r\r",
  "\r\n",
  "\u2028\u2029",
  "\0",
  "\ud800",
  "\udc00x",
  "\ufeff",
  ": ",
  "data: x",
  "id: 9",
];
const nastyText = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: "binary" })).map((text) => text);
const anyText = fc.array(nastyText, { maxLength: 6 }).map((parts) => parts.join(""));
const anyItem = fc.record({
  type: anyText,
  data: fc.dictionary(anyText, fc.oneof(anyText, fc.jsonValue())),
  timestamp: fc.constant("2026-01-01T00:00:00.000Z"),
});

test("whatever an item says, a conforming reader reads exactly that item, and no other event", () => {
  fc.assert(
    fc.property(fc.array(anyItem, { maxLength: 5 }), (items) => {
      const text = items.map((item, index) => sseEvent(item, index + 1)).join("");

      const events = parse(new TextDecoder().decode(new TextEncoder().encode(text)));

      expect(events.map((event) => event.data)).toEqual(items.map((item) => JSON.stringify(item)));
    }),
    { numRuns: 1_000 },
  );
});

test("an event is named by its type, unless the name would not arrive as it is", () => {
  const names = ["TextDelta", " spaced", "Größe", "", "a\nb", "a\rb", "\ud800", "error", "open", SSE_END];

  const read = names.map((type) => parse(sseEvent({ type }, 1))[0]?.name);

  expect(read).toEqual(["TextDelta", " spaced", "Größe", "", "", "", "", "", "", ""]);
});

test("an item has one line each for its name, its seq and its data", () => {
  expect(sseEvent({ type: "TextDelta", data: { text: "a\n\nid: 3\n" } }, 7)).toBe(
    'event: TextDelta\nid: 7\ndata: {"type":"TextDelta","data":{"text":"a\\n\\nid: 3\\n"}}\n\n',
  );
  expect(sseEnd(7)).toBe('event: StreamEnd\nid: 7\ndata: {"seq":7}\n\n');
});

test("an item that JSON cannot write leaves an Error in its place, and throws nothing", () => {
  const circular: Record<string, unknown> = { type: "TextDelta" };
  circular.self = circular;
  const throwing = {
    get type(): string {
      throw new Error("no");
    },
  };
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const unwritable = [circular, throwing, proxy, { data: 1n }, { toJSON: () => undefined }];

  for (const item of unwritable) {
    const events = parse(sseEvent(item, 3));
    expect(events).toHaveLength(1);
    expect(events[0]?.name).toBe("Error");
    expect(events[0]?.data).toContain("Item 3 of this stream cannot be written as JSON.");
  }
});

test("a last event id counts if it is a seq", () => {
  expect(["0", "17", ["3", "4"], "9007199254740991"].map(seqOf)).toEqual([0, 17, 4, 9007199254740991]);

  const others = [undefined, null, "", " 1", "1.5", "-1", "1e3", "0x1", "9007199254740993", "1\n2", []];
  expect(others.map((id) => seqOf(id))).toEqual(others.map(() => undefined));
});
