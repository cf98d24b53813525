import { expect, test } from "vitest";
import { StoredRecord } from "../../spool/stored-record.ts";
import { ownCopy, withoutBody } from "./own-record.ts";

const json = Buffer.from('{"id":"e-1","kind":"k","time":"2026-01-01T00:00:00Z"}');

test("what stays for long shares no buffer with its neighbours, and is the same record (P5)", () => {
  const block = Buffer.alloc(128 * 1024);
  json.copy(block, 64);
  const record = new StoredRecord(7, 1, 2, 3, 4, block.subarray(64, 64 + json.length));

  const own = ownCopy(record);

  expect(own.body.buffer.byteLength).toBe(json.length);
  expect(own).toMatchObject({ offset: 7, kindCode: 1, flags: 2, runKey: 3, orderKey: 4 });
  expect(own.event).toEqual(record.event);
});

test("what has its buffer for itself is not copied", () => {
  const record = new StoredRecord(7, 1, 2, 3, 4, Uint8Array.from(json));

  expect(ownCopy(record)).toBe(record);
});

test("a body that was left on the disk cannot be looked at by mistake", () => {
  const record = withoutBody(new StoredRecord(7, 1, 2, 3, 4, json));

  expect(record).toMatchObject({ offset: 7, runKey: 3 });
  expect(() => record.body).toThrow("record 7 is not in memory");
});
