import { expect, test } from "vitest";
import { lineBatches } from "./line-batches.ts";

const MIB = 1024 * 1024;

async function numbersOf(...chunks: readonly (string | Uint8Array)[]): Promise<number[][]> {
  const batches: number[][] = [];
  for await (const batch of lineBatches(iterate(chunks), "-"))
    batches.push(batch.map(({ number }) => number));
  return batches;
}

async function* iterate(chunks: readonly (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* chunks;
}

test("a line that is too long for a request stands alone, so that its refusal costs no other", async () => {
  const batches = await numbersOf("{}\n{}\n", "x".repeat(11 * MIB), "\n{}\n");

  expect(batches).toEqual([[1, 2], [3], [4]]);
});

test("a batch has at most 500 lines and 4 MiB, and empty lines count for the numbers only", async () => {
  const many = await numbersOf("{}\n".repeat(501), "\n", "{}");
  const large = await numbersOf(...Array.from({ length: 5 }, () => `${"x".repeat(MIB - 1)}\n`));

  expect(many.map((batch) => batch.length)).toEqual([500, 2]);
  expect(many[1]).toEqual([501, 503]);
  expect(large).toEqual([[1, 2, 3, 4], [5]]);
});

test("bytes stay as they are: a character that two chunks share, and what is no UTF-8", async () => {
  const bytes = Buffer.from([0x22, 0xc3, 0xbc, 0xff, 0x22]);
  const found: Uint8Array[] = [];

  for await (const batch of lineBatches(iterate([bytes.subarray(0, 2), bytes.subarray(2)]), "-")) {
    found.push(...batch.map((line) => line.bytes));
  }

  expect(Buffer.concat(found).equals(bytes)).toBe(true);
});
