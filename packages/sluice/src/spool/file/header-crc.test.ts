import { crc32 } from "node:zlib";
import { seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { headerCrc } from "./header-crc.ts";

test("equals zlib's CRC-32 for any bytes and any seed", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 2_000; round++) {
    const bytes = random.fill(new Uint8Array(60));
    const seed = Math.floor(random.fraction() * 2 ** 32);

    expect(headerCrc(new DataView(bytes.buffer), 0, seed)).toBe(crc32(bytes, seed));
  }
});
