import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Utf8Pieces } from "./utf8-pieces.ts";

test("text that is cut inside its characters comes out whole", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.array(fc.integer({ min: 1, max: 3 })), (text, sizes) => {
      const bytes = Buffer.from(text);
      const pieces = new Utf8Pieces();
      let joined = "";
      let at = 0;
      for (const size of sizes) {
        joined += pieces.take(bytes.subarray(at, at + size));
        at += size;
      }
      joined += pieces.take(bytes.subarray(at)) + pieces.end();
      expect(joined).toBe(bytes.toString("utf8"));
    }),
    { verbose: 1 },
  );
});

test("bytes that are no UTF-8 become replacement characters, and never hold back what follows", () => {
  const pieces = new Utf8Pieces();

  const text = pieces.take(Buffer.from([0xff, 0x41, 0xe2])) + pieces.take(Buffer.from([0x42])) + pieces.end();

  expect(text).toBe("\ufffdA\ufffdB");
});
