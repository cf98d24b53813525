import { expect, test } from "vitest";
import { aRecord } from "../../testing/spool-fixture.ts";
import { Packed, RECORD_HEADER_BYTES, seedOf } from "./record.ts";
import { scanBytes } from "./scan.ts";

const SALT = 77;
const BASE = 1024;

function packed(number: number, position: number, body?: Buffer): Buffer {
  const record = aRecord(number, body && { body });
  const target = new Packed(RECORD_HEADER_BYTES + record.body.length);
  target.put(0, record, new Uint8Array(16), number, seedOf(SALT, position));
  return target.bytes;
}

function offsetsIn(bytes: Buffer, firstOffset = 0): number[] {
  const offsets: number[] = [];
  const stretch = {
    salt: SALT,
    basePosition: BASE,
    endPosition: BASE + bytes.length,
    limitOffset: Number.POSITIVE_INFINITY,
  };
  const place = { expected: firstOffset, position: BASE };
  scanBytes(bytes, stretch, place, (_bytes, _at, offset) => offsets.push(offset));
  return offsets;
}

test("a record with a fitting offset is not believed in another place than its own", () => {
  const inner = packed(1, BASE);
  const outer = packed(0, BASE, inner);
  const next = packed(1, BASE + outer.length);
  outer[20] = (outer[20] ?? 0) ^ 1; // The outer header is damaged, so the scan goes through its body.

  expect(offsetsIn(Buffer.concat([outer, next]))).toEqual([1]);
  expect(offsetsIn(outer)).toEqual([]);
});

test("a record further ahead than the skipped bytes can have held is not believed", () => {
  const gap = Buffer.alloc(RECORD_HEADER_BYTES * 2, 0x41);
  const possible = packed(2, BASE + gap.length);
  const impossible = packed(3, BASE + gap.length);

  expect(offsetsIn(Buffer.concat([gap, possible]))).toEqual([2]);
  expect(offsetsIn(Buffer.concat([gap, impossible]))).toEqual([]);
});

test("a record of the past, or one that runs beyond the end, is not believed", () => {
  const record = packed(4, BASE);

  expect(offsetsIn(record, 5)).toEqual([]);
  expect(offsetsIn(record.subarray(0, record.length - 1), 4)).toEqual([]);
  expect(offsetsIn(record, 4)).toEqual([4]);
});
