import { expect, test } from "vitest";
import { StoredRecord } from "./stored-record.ts";

const RECORD_BYTES = 64 * 1024;

test("readers that come one after the other share the decoded event", () => {
  const record = recordOf(0);

  expect(record.event).toBe(record.event);
});

test("a record in the tail does not keep its decoded event when megabytes were decoded after it", () => {
  const record = recordOf(0);
  const { event } = record;

  for (let offset = 1; offset <= 20; offset++) void recordOf(offset).event;

  expect(record.event).not.toBe(event);
  expect(record.event).toEqual(event);
});

function recordOf(offset: number): StoredRecord {
  const event = { id: `event ${offset}`, kind: "bench.large", data: "x".repeat(RECORD_BYTES) };
  return new StoredRecord(offset, 0, 0, 0, 0, Buffer.from(JSON.stringify(event)));
}
