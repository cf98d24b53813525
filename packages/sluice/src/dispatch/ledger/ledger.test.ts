import fc from "fast-check";
import { expect, test } from "vitest";
import { assertBalance } from "../balance.ts";
import { Ledger, type Outcome, REASONS_MAX } from "./ledger.ts";
import { decodeLedger, encodeLedger, LEDGER_BYTES_MAX } from "./ledger-codec.ts";

const place = "00112233445566778899aabbccddeeff";
const delivered: Outcome = { status: "delivered" };

const outcomes = fc.oneof(
  fc.constant<Outcome>(delivered),
  fc.constant<Outcome>({ status: "deadLettered" }),
  fc.constantFrom("partial", "late").map((reason): Outcome => ({ status: "skipped", reason })),
  fc.constantFrom("damaged", "deadletters_full").map((reason): Outcome => ({ status: "dropped", reason })),
);

test("the balance is exact at every step and in every stored ledger, in whatever order (P2)", () => {
  const settlings = fc.array(outcomes, { minLength: 60, maxLength: 60 });
  const order = fc.shuffledSubarray(Array.from({ length: 60 }, (_, index) => index + 100));
  fc.assert(
    fc.property(settlings, order, (each, offsets) => {
      const ledger = new Ledger(100);

      for (const offset of offsets) {
        ledger.wait(offset, { attempt: 2, nextTryMs: 1_700_000_000_000 });
        if (offset % 3 === 0) continue;
        ledger.settle(offset, offset + 1, each[offset - 100] ?? delivered);
        const balance = ledger.balance(160);
        assertBalance(balance);
        const settled = offsets.slice(0, offsets.indexOf(offset) + 1).filter((o) => o % 3 !== 0).length;
        expect(balance.pending).toBe(60 - settled);
      }

      const back = decodeLedger(encodeLedger(ledger, place), place, 160);
      expect(back?.balance(160)).toEqual(ledger.balance(160));
      expect(back?.low).toBe(ledger.low);
      expect([...(back?.settled ?? [])]).toEqual([...ledger.settled]);
      expect(back?.waiting).toEqual(ledger.waiting);
    }),
  );
});

test("settling an event a second time throws", () => {
  const ledger = new Ledger(0);
  ledger.settle(0, 1, delivered);
  ledger.settle(4, 6, delivered);

  expect(() => ledger.settle(0, 1, delivered)).toThrow("settled again");
  expect(() => ledger.settle(5, 6, delivered)).toThrow("settled again");
  expect(() => ledger.settle(1, 5, delivered)).toThrow("settled again");
});

test("a ledger that is ahead of the data, newer, from elsewhere or cut is not believed (T15)", () => {
  const ledger = new Ledger(0);
  ledger.settle(0, 10, delivered);
  ledger.settle(12, 14, { status: "skipped", reason: "partial" });
  const stored = encodeLedger(ledger, place);
  const newer = Uint8Array.from(stored);
  newer[4] = 9;
  const miscounted = Uint8Array.from(stored);
  miscounted[40] = 11;

  expect(decodeLedger(stored, place, 14)).toBeDefined();
  expect(decodeLedger(stored, place, 13)).toBeUndefined();
  expect(decodeLedger(stored, place, 9)).toBeUndefined();
  expect(decodeLedger(stored, place.replace("0", "f"), 14)).toBeUndefined();
  expect(decodeLedger(newer, place, 14)).toBeUndefined();
  expect(decodeLedger(miscounted, place, 14)).toBeUndefined();
  for (let length = 0; length < stored.length; length++) {
    expect(decodeLedger(stored.subarray(0, length), place, 14)).toBeUndefined();
  }
});

test("a sink that makes up reasons does not outgrow the ledger, and every event stays counted", () => {
  const ledger = new Ledger(0);

  for (let offset = 0; offset < 8_000; offset += 2) {
    ledger.settle(offset + 1, offset + 2, {
      status: "skipped",
      reason: `reason ${offset} ${"ü".repeat(99)}`,
    });
  }

  expect(ledger.skipped.size).toBe(REASONS_MAX);
  expect(ledger.exceptions).toBe(4_000);
  assertBalance(ledger.balance(8_000));
  const stored = encodeLedger(ledger, place);
  expect(stored.length).toBeLessThanOrEqual(LEDGER_BYTES_MAX);
  expect(LEDGER_BYTES_MAX).toBeLessThan(64 * 1024);
  expect(decodeLedger(stored, place, 8_000)?.balance(8_000)).toEqual(ledger.balance(8_000));
});
