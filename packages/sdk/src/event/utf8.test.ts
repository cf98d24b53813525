import fc from "fast-check";
import { expect, test } from "vitest";
import { firstInvalidUtf8 } from "./utf8.ts";

/** How much of the bytes a decoder takes before it gives up, found the slow way. */
function oracle(bytes: Uint8Array): number {
  const decodes = (end: number) => {
    try {
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, end));
      return true;
    } catch {
      return false;
    }
  };
  for (let end = bytes.length; end > 0; end--) if (decodes(end)) return end;
  return 0;
}

test("the first invalid byte is where a fatal decoder stops", () => {
  const piece = fc.oneof(
    fc.constantFrom("a", "é", "€", "😀").map((text) => Buffer.from(text)),
    fc
      .constantFrom([0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0x80], [0xed, 0xa0, 0x80])
      .map(Buffer.from),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const bytes = Buffer.concat(pieces);
      const expected = oracle(bytes);
      fc.pre(expected < bytes.length);

      expect(firstInvalidUtf8(bytes)).toBe(expected);
    }),
    { numRuns: 3_000 },
  );
});
