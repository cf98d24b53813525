import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEvent } from "../../codec.ts";
import type { Event, JsonObject } from "../../event.ts";
import { deriveId } from "../../ids.ts";
import { checkEvent } from "../../validate.ts";
import { parsePayload, stored, testGoldenFiles } from "../golden.test-support.ts";
import { stream } from "./stream.ts";

const NOW = "2026-11-21T06:00:00.000Z";
const MINTED = "019aa4f2-0000-7000-8000-000000000001";
const golden = new URL("golden/", import.meta.url);
const goldenFiles = readdirSync(golden);
/** Events that did not come in this form. */
const projectedFiles = goldenFiles.filter(
  (name) => name.endsWith(".event.json") && !goldenFiles.includes(name.replace(".event", "")),
);

const tryRead = (payload: JsonObject) =>
  stream.read(payload, {
    ...{ hash: hash("sha256", JSON.stringify(payload)), now: NOW, mintId: () => MINTED },
  });

function read(payload: JsonObject): Event {
  const result = tryRead(payload);
  return "event" in result ? result.event : expect.fail(JSON.stringify(result.fault));
}

testGoldenFiles(golden, stream, read);

test.each(projectedFiles)("%s is projected to the steps beside it", async (name) => {
  const event = decodeEvent(readFileSync(new URL(name, golden)));

  const projection = stream.write(event);

  const expected = new URL(name.replace(".event.", ".projection."), golden).pathname;
  await expect(`${JSON.stringify(projection, null, 2)}\n`).toMatchFileSnapshot(expected);
});

const types = fc.oneof(fc.constantFrom("TextDelta", "Usage", "Citation"), fc.string({ minLength: 1 }));
const stamps = fc.constantFrom(
  ...["2026-11-21T05:00:00Z", "2026-11-21T05:00:00.123456789012+05:30", "2026-11-21 05:00:00"],
  ...["2026-11-21t05:00:00.5z", "2026-11-21T05:00:00+00:00", "0001-01-01T00:00:00Z", "soon"],
);
const others = fc.dictionary(
  fc.constantFrom("id", "seq", "stream_id", "kind", "__proto__", "constructor", "7", "more"),
  fc.oneof(fc.jsonValue(), fc.constantFrom("e-1", 3, null)),
);

test("any stream event that is taken comes back as the very text it was, and nothing throws", () => {
  let taken = 0;
  const data = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue());

  fc.assert(
    fc.property(types, data, stamps, others, (type, value, timestamp, more) => {
      const text = JSON.stringify({ ...more, type, data: value, timestamp });
      const result = tryRead(parsePayload(text));
      if ("fault" in result) return;
      taken++;

      expect(checkEvent(result.event)).toBeUndefined();
      expect(result.event.kind).toBe(`stream.${type}`);
      expect(JSON.stringify(stream.write(stored(result.event)))).toBe(`[${text}]`);
    }),
    { numRuns: 2_000 },
  );

  expect(taken).toBeGreaterThan(200);
});

test("a number in the data keeps its text", () => {
  const text = `{"type":"X","data":{"a":1,"b":1.0,"c":9007199254740993,"d":-0,"e":1e400},"timestamp":"${NOW}"}`;

  const event = read(parsePayload(text));

  expect(JSON.stringify(stream.write(stored(event)))).toBe(`[${text}]`);
});

test("two equal pieces are two facts, unless the sender tells that they are one", () => {
  const delta = { type: "TextDelta", data: { text: "a" }, timestamp: NOW };
  const place = { stream_id: "s-1", seq: 4 };

  expect(read(delta).id).toBe(MINTED);
  expect(read({ ...delta, seq: 4 }).id).toBe(MINTED);
  expect(read({ ...delta, id: "e-1", ...place }).id).toBe("e-1");
  expect(read({ ...delta, id: null, ...place }).id).toBe(deriveId("s-1", "seq:4"));
  expect(read({ ...delta, ...place, data: {} }).id).toBe(deriveId("s-1", "seq:4"));
});

test.each([
  [{ type: "", data: {}, timestamp: NOW }, "type"],
  [{ type: "a\nb", data: {}, timestamp: NOW }, "type"],
  [{ type: "x".repeat(101), data: {}, timestamp: NOW }, "type"],
  [{ type: "TextDelta", data: null, timestamp: NOW }, "data"],
  [{ type: "TextDelta", data: [], timestamp: NOW }, "data"],
  [{ type: "TextDelta", data: {}, timestamp: "0001-01-01T00:00:00Z" }, "timestamp"],
  [{ type: "TextDelta", data: {}, timestamp: NOW, id: 7 }, "id"],
  [{ type: "TextDelta", data: {}, timestamp: NOW, stream_id: 7, seq: 1 }, "stream_id"],
  [{ type: "TextDelta", data: {}, timestamp: NOW, stream_id: "s", seq: -1 }, "seq"],
  [{ type: "TextDelta", data: {}, timestamp: NOW, stream_id: "s", seq: 2 ** 53 }, "seq"],
])("%j is refused by the path of the field", (payload, field) => {
  const result = tryRead(payload);

  expect("fault" in result && result.fault.field).toBe(field);
});

test("only model calls, and their pieces, are steps of an answer", () => {
  const ended = { type: "tool", startTime: NOW, status: "ok" } as const;

  expect(stream.write({ id: "1", kind: "run.ended", time: NOW, runId: "r", run: ended })).toEqual([]);
  expect(stream.write({ id: "1", kind: "run.delta", time: NOW, runId: "r", data: 7 })).toEqual([]);
  expect(stream.write({ id: "1", kind: "cache.hit", time: NOW })).toEqual([]);
});
