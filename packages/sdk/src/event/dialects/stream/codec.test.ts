import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeStreamEvent, parseStreamEvent } from "./codec.ts";
import { parseEventType, STREAM_EVENT_TYPES, textDeltaEvent } from "./stream-event.ts";

const timestamp = "2026-11-21T05:00:00.123Z";
/** With halves of surrogate pairs, control characters, quotes and line separators. */
const anyString = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    fc.constantFrom('"', "\\", "\ud83d", "\ude00", "😀", "\u2028", "a", "é"),
  ),
});

test("a delta of any text is encoded as JSON.stringify does it", () => {
  fc.assert(
    fc.property(anyString, anyString, (text, stamp) => {
      for (const event of [
        { type: "TextDelta", data: { text }, timestamp },
        { type: "TextDelta", data: { text }, timestamp: stamp },
        { type: stamp, data: { text }, timestamp },
      ]) {
        expect(encodeStreamEvent(event)).toBe(JSON.stringify(event));
      }
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  { type: "TextDelta", timestamp, data: { text: "a" } },
  { type: "TextDelta", data: { text: "a" }, timestamp, seq: 1 },
  { type: "TextDelta", data: { text: "a", index: 0 }, timestamp },
  { type: "TextDelta", data: { index: 0, text: "a" }, timestamp },
  { type: "TextDelta", data: { index: undefined, text: "a" }, timestamp },
  { type: "TextDelta", data: { text: 7 }, timestamp },
  { type: "TextDelta", data: { text: undefined }, timestamp },
  { type: "TextDelta", data: {}, timestamp },
  { type: "Usage", data: { prompt_tokens: 1 }, timestamp },
])("%j, which the template does not fit, is encoded as JSON.stringify does it", (event) => {
  expect(encodeStreamEvent(event)).toBe(JSON.stringify(event));
});

test("what was parsed is encoded to the same text, numbers and unknown members included", () => {
  for (const line of [
    JSON.stringify(textDeltaEvent('a "fox" — 😀')),
    `{"type":"Usage","data":{"prompt_tokens":100,"cost":0.10,"big":9007199254740993},"timestamp":"${timestamp}"}`,
    '{"timestamp":"2026-11-21T07:00:00.123456789012+02:00","data":{"__proto__":1},"type":"Citation","v":1.0}',
  ]) {
    const result = parseStreamEvent(line);

    expect("event" in result && encodeStreamEvent(result.event)).toBe(line);
  }
});

test.each([
  ["", ""],
  ['{"type":', ""],
  ["7.0", ""],
  ["[]", ""],
  ["null", ""],
  [`{"data":{},"timestamp":"${timestamp}"}`, "type"],
  [`{"type":"TextDelta","timestamp":"${timestamp}"}`, "data"],
  [`{"type":"TextDelta","data":1.0,"timestamp":"${timestamp}"}`, "data"],
  ['{"type":"TextDelta","data":{}}', "timestamp"],
])("the line %j is a fault that names its path", (line, field) => {
  const result = parseStreamEvent(line);

  expect("fault" in result && result.fault.field).toBe(field);
});

test("a type is known by its exact name", () => {
  expect(STREAM_EVENT_TYPES.map(parseEventType)).toEqual(STREAM_EVENT_TYPES);
  expect(["textdelta", "EventTextDelta", "", "__proto__"].map(parseEventType)).toEqual([
    ...[undefined, undefined, undefined, undefined],
  ]);
});
