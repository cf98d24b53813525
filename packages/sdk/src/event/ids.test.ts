import fc from "fast-check";
import { expect, test } from "vitest";
import type { Clock } from "../system/clock.ts";
import { ManualClock } from "../system/manual-clock.ts";
import { seededRandom, systemRandom } from "../system/random.ts";
import { createIds, DERIVED_ID_NAMESPACE, deriveId, uuidBytes, uuidv5 } from "./ids.ts";

const DNS = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
const URL_NAMESPACE = "6ba7b811-9dad-11d1-80b4-00c04fd430c8";
const UUID_V7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** A clock that says what it is told, in turn, and then stays. */
function scriptedClock(times: readonly number[]): Clock {
  let next = 0;
  const clock = new ManualClock();
  return {
    nowMs: () => times[Math.min(next++, times.length - 1)] ?? 0,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, action) => clock.after(delayMs, action),
  };
}

test("a minted id is a version 7 UUID that carries the time", () => {
  const nowMs = Date.UTC(2026, 10, 21);
  const ids = createIds(scriptedClock([nowMs]), systemRandom);

  const id = ids.uuidv7();

  expect(id).toMatch(UUID_V7);
  expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(nowMs);
});

test("minted ids rise strictly whatever the clock does (P3)", () => {
  const times = fc.array(fc.integer({ min: 0, max: 2 ** 42 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(times, fc.nat(), (clockTimes, seed) => {
      const ids = createIds(scriptedClock(clockTimes), seededRandom(seed));

      const minted = clockTimes.flatMap(() => [ids.uuidv7(), ids.uuidv7()]);

      expect(minted).toEqual([...new Set(minted)].sort());
      expect(minted.every((id) => UUID_V7.test(id))).toBe(true);
    }),
  );
});

test("ids still rise when the counter of a millisecond is used up", () => {
  const all = (byte: number) => ({ fraction: () => 0, fill: (bytes: Uint8Array) => bytes.fill(byte) });
  const ids = createIds(scriptedClock([1_000]), all(0xff));
  const first = ids.uuidv7();

  const more = Array.from({ length: 100_000 }, () => ids.uuidv7());

  expect(first < (more[0] ?? "")).toBe(true);
  expect(more).toEqual([...new Set(more)].sort());
});

test("two processes that start in one millisecond mint different ids", () => {
  const mint = (seed: number) => createIds(scriptedClock([1_000]), seededRandom(seed)).uuidv7();

  expect(mint(1)).not.toBe(mint(2));
});

test("derived ids follow RFC 9562 (its own vector, A.4)", () => {
  expect(uuidv5(DNS, "www.example.com")).toBe("2ed6657d-e927-568b-95e1-2665a8aea6a2");
});

test("our namespace is itself derived, so that anybody can check it", () => {
  expect(uuidv5(URL_NAMESPACE, "urn:sluice:derived")).toBe(DERIVED_ID_NAMESPACE);
});

test("the derived id of a run's end never changes: stored records depend on it", () => {
  expect(deriveId("run-1", "ended")).toBe(uuidv5(DERIVED_ID_NAMESPACE, "run-1\nended"));
  expect(deriveId("run-1", "ended")).toMatchInlineSnapshot(`"1af55580-1e5e-519c-8e41-fdf255115dd1"`);
  expect(deriveId("run-1", "ended")).not.toBe(deriveId("run-2", "ended"));
});

test("a derived id is the UUIDv5 of both names, however long they are", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 500 }), fc.string(), (id, name) => {
      expect(deriveId(id, name)).toBe(uuidv5(DERIVED_ID_NAMESPACE, `${id}\n${name}`));
    }),
  );
});

test("a UUID has 16 bytes in either case, and other text has none", () => {
  const text = "2ed6657d-e927-568b-95e1-2665a8aea6a2";

  expect(Buffer.from(uuidBytes(text.toUpperCase()) ?? []).toString("hex")).toBe(text.replaceAll("-", ""));
  for (const other of ["", "run-1", `${text}0`, text.slice(1), `{${text}}`]) {
    expect(uuidBytes(other)).toBeUndefined();
  }
});
