import fc from "fast-check";
import { expect, test } from "vitest";
import type { SpoolRecord } from "../../spool/spool.ts";
import { Lanes } from "./lanes.ts";
import { PendingEvent } from "./pending-event.ts";

function item(offset: number, key = 0, bytes = 1): PendingEvent {
  const record = { offset, kindCode: 0, flags: 0, runKey: key, orderKey: key, body: new Uint8Array(bytes) };
  return new PendingEvent(record as unknown as SpoolRecord, key, offset);
}
const offsets = (items: readonly PendingEvent[]) => items.map(({ offset }) => offset);

test("a batch ends at its count, at its bytes, and before an event that has to travel alone", () => {
  const lanes = new Lanes();
  for (let offset = 0; offset < 6; offset++) lanes.offer(item(offset, 0, 10));
  const suspect = item(6, 0, 10);
  suspect.isAlone = true;
  lanes.offer(suspect);
  lanes.offer(item(7, 0, 1_000));

  const batches = [
    lanes.take(3, 100),
    lanes.take(9, 25),
    lanes.take(9, 100),
    lanes.take(9, 100),
    lanes.take(9, 100),
  ];

  expect(batches.map(offsets)).toEqual([[0, 1, 2], [3, 4], [5], [6], [7]]);
});

test("events of a key wait behind the batch that holds it, and others pass", () => {
  const lanes = new Lanes();
  for (const [offset, key] of [1, 2, 1, 3].entries()) lanes.offer(item(offset, key));

  const first = lanes.take(1, 100);
  const second = lanes.take(9, 100);
  lanes.finish(first, [], []);
  const third = lanes.take(9, 100);

  expect([first, second, third].map(offsets)).toEqual([[0], [1, 3], [2]]);
});

test("an event that waits holds up its own key and no other", () => {
  const lanes = new Lanes();
  for (const [offset, key] of [1, 2, 1, 2].entries()) lanes.offer(item(offset, key));
  const batch = lanes.take(2, 100);

  lanes.finish(batch, [], [{ item: batch[0] as PendingEvent, dueMs: 500 }]);

  expect(offsets(lanes.take(9, 100))).toEqual([3]);
  expect(lanes.wakeDue(499)).toBe(false);
  expect(lanes.wakeDue(500)).toBe(true);
  expect(offsets(lanes.take(9, 100))).toEqual([0, 2]);
  expect([lanes.ready, lanes.waiting, lanes.parked]).toEqual([0, 0, 0]);
});

test("whatever becomes of batches, no event overtakes another of its key and none is lost (P4)", () => {
  const step = fc.record({
    take: fc.integer({ min: 1, max: 5 }),
    finish: fc.nat(3),
    fates: fc.array(fc.nat(2), { minLength: 5 }),
  });
  const keys = fc.array(fc.nat(4), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(keys, fc.array(step, { maxLength: 80 }), (keyOf, steps) => {
      const lanes = new Lanes();
      for (const [offset, key] of keyOf.entries()) lanes.offer(item(offset, key));
      const out: PendingEvent[][] = [];
      const settled: PendingEvent[] = [];
      let nowMs = 0;
      const finish = (batch: PendingEvent[], fates: readonly number[]) => {
        // Real batches settle from the front: once one of a key is not settled, the later ones of it are not
        // either.
        const stuck = new Set<number>();
        const by: PendingEvent[][] = [[], [], []];
        for (const [index, each] of batch.entries()) {
          const fate = stuck.has(each.key) ? 1 : (fates[index % fates.length] ?? 0);
          if (fate !== 0 && each.key !== 0) stuck.add(each.key);
          by[fate]?.push(each);
        }
        settled.push(...(by[0] ?? []));
        lanes.finish(
          batch,
          by[1] ?? [],
          (by[2] ?? []).map((each) => ({ item: each, dueMs: nowMs + 2 })),
        );
      };

      for (const { take, finish: which, fates } of [...steps, ...drain(keyOf.length)]) {
        nowMs++;
        lanes.wakeDue(nowMs);
        const batch = lanes.take(take, 100);
        if (batch.length > 0) out.push(batch);
        const keysOut = out
          .flatMap((each) => [...new Set(each.map(({ key }) => key))])
          .filter((key) => key !== 0);
        expect(new Set(keysOut).size).toBe(keysOut.length);
        const [done] = which < out.length ? out.splice(which, 1) : [];
        if (done) finish(done, fates);
      }

      for (let key = 1; key <= 4; key++) {
        const ofKey = offsets(settled.filter((each) => each.key === key));
        expect(ofKey).toEqual([...ofKey].sort((a, b) => a - b));
      }
      expect(settled.length).toBe(keyOf.length);
      expect([lanes.ready, lanes.waiting, lanes.parked]).toEqual([0, 0, 0]);
    }),
  );
});

const drain = (events: number) =>
  Array.from({ length: events * 3 + 90 }, () => ({ take: 5, finish: 0, fates: [0] }));

test("an event that lies on the disk only and is dropped is not counted as ready any more", () => {
  const lanes = new Lanes();
  const large = item(0, 0, 1_000);
  large.unload();
  lanes.offer(large);

  lanes.drop(1);

  expect(lanes.readyBytes).toBe(0);
});
