import { expect, test } from "vitest";
import { Segment } from "./log.ts";

const KIB = 1024;
const header = { spoolId: "00".repeat(16), salt: 1, firstOffset: 0, number: 1, createdAtMs: 0 };

/** A segment of records of these sizes, and for each where its block began when it was appended. */
function aSegment(sizes: readonly number[]) {
  const segment = new Segment(header, "000000000001.seg");
  const began = sizes.map((size, offset) => {
    segment.mark(offset, segment.endPosition);
    segment.endPosition += size;
    segment.endOffset = offset + 1;
    return segment.blockOf(offset);
  });
  return { segment, began };
}

test("a record stays in its block while the segment grows, and blocks follow each other without gaps", () => {
  const sizes = Array.from({ length: 3_000 }, (_, offset) => (offset % 500 === 99 ? 3_000 : 1) * KIB);
  const { segment, began } = aSegment(sizes);

  expect(sizes.map((_, offset) => segment.blockOf(offset))).toEqual(began);
  const blocks = [...new Set(began)];
  expect(blocks.map((mark) => segment.blockAfter(mark))).toEqual([
    ...blocks.slice(1),
    segment.markPositions.length,
  ]);
});

test("a block holds half a megabyte of small records, and of large ones one", () => {
  const small = aSegment(Array.from({ length: 4_096 }, () => KIB));
  const large = aSegment(Array.from({ length: 8 }, () => 1_024 * KIB));

  expect(new Set(small.began).size).toBe(8);
  expect(large.began).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});
