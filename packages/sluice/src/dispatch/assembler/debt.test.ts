import { KIND_CODES } from "@sluice/sdk";
import { expect, test } from "vitest";
import { FLAG_ASSEMBLED, FLAG_PARTIAL, FLAG_UNBOUND } from "../../spool/spool.ts";
import { Debt, MADE_BYTES_MORE } from "./debt.ts";

const EACH = 100 + MADE_BYTES_MORE;
const ended = KIND_CODES["run.ended"];
const body = new Uint8Array(100);

test("pieces and starts are owed once, what waits for its trace once more, and complete events never", () => {
  const debt = new Debt();
  const note = (flags: number, kindCode: number = ended) => debt.note({ offset: 0, flags, kindCode, body });

  note(0);
  note(FLAG_ASSEMBLED);
  expect(debt.from(0)).toBe(0);
  note(FLAG_PARTIAL);
  note(0, KIND_CODES["run.started"]);
  expect(debt.from(0)).toBe(2 * EACH);
  note(FLAG_PARTIAL | FLAG_UNBOUND);
  note(FLAG_UNBOUND | FLAG_ASSEMBLED);
  expect(debt.from(0)).toBe(4 * EACH);
});

test("what is settled is owed no more, to some records", () => {
  const debt = new Debt();
  for (let offset = 0; offset < 10_000; offset++) {
    debt.note({ offset, flags: FLAG_PARTIAL, kindCode: ended, body });
  }

  for (let low = 0; low <= 10_000; low += 7) {
    const owed = (10_000 - low) * EACH;
    const told = debt.from(low);
    expect(told).toBeGreaterThanOrEqual(owed);
    expect(told).toBeLessThanOrEqual(owed + 64 * EACH);
  }
});
