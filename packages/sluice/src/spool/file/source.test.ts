import { MemoryDisk, seededRandom } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { Sources } from "./source.ts";

const START = 1_024;

test.each([0, 500, START, START + 1, 130_000, START + 131_072, 300_000])(
  "a file of %i bytes is read as it is, in any steps",
  async (sizeBytes) => {
    const content = Buffer.from(seededRandom(sizeBytes).fill(new Uint8Array(sizeBytes)));
    const disk = new MemoryDisk();
    disk.put("/one.seg", content);
    const sources = new Sources(disk);

    for (const step of [1_000, 131_072, 400_000]) {
      const source = await sources.open("/one.seg", START, step === 1_000 ? "guess" : "ask");
      const chunks: Buffer[] = [];
      for (let position = START; ; ) {
        const chunk = Buffer.alloc(step);
        const count = await source.read(chunk, position);
        if (count === 0) break;
        chunks.push(chunk.subarray(0, count));
        position += count;
      }
      await source.close();

      expect(Buffer.concat(chunks).equals(content.subarray(START))).toBe(true);
    }
  },
);
