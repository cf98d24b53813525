import { expect, test } from "vitest";
import type { Outgoing } from "../sinks/define.ts";
import { record, stage } from "./route.test-support.ts";

/** Larger than what a route keeps in memory until it is sent. */
const LARGE_BYTES = 1_200_000;

test("a large event is read again for each try, and arrives whole (P5)", async () => {
  const setup = await stage();
  const sizes: number[] = [];
  const seen: Outgoing[] = [];
  setup.sink.answer = (batch) => {
    seen.push(...batch);
    sizes.push(...batch.map(({ raw }) => raw.length));
    return sizes.length < 6 ? { status: "retry", reason: "down" } : { status: "delivered" };
  };

  await setup.spool.append([large("a")]);
  await setup.clock.advance(60_000);

  expect(sizes.length).toBeGreaterThanOrEqual(6);
  expect(new Set(sizes)).toEqual(new Set([large("a").body.length]));
  expect(setup.sink.taken).toEqual(["a"]);
  expect(() => seen[0]?.raw, "it is not kept").toThrow("not in memory");
  await setup.route.close();
});

test("a large event that a sample has changed is changed at each try (P5)", async () => {
  const setup = await stage({ sample: (event) => ({ ...event, tags: ["less"] }) });
  const tags: unknown[] = [];
  setup.sink.answer = (batch) => {
    tags.push(...batch.map(({ event, raw }) => [event.tags, Buffer.from(raw).includes('"less"')]));
    return tags.length < 3 ? { status: "retry", reason: "down" } : { status: "delivered" };
  };

  await setup.spool.append([large("a")]);
  await setup.clock.advance(60_000);

  expect(tags).toEqual([1, 2, 3].map(() => [["less"], true]));
  await setup.route.close();
});

test("a large event that was rejected becomes a dead letter with its body (P5)", async () => {
  const setup = await stage();
  setup.sink.answer = () => ({ status: "rejected", reason: "no" });

  await setup.spool.append([large("a")]);
  await setup.clock.advance(10_000);

  expect(setup.route.status.balance).toMatchObject({ deadLettered: 1, pending: 0 });
  expect(setup.disk.bytesOf("/deadletters/hooks.jsonl").length).toBeGreaterThan(LARGE_BYTES);
  await setup.route.close();
});

test("when what may be read ahead is used up, a batch goes without waiting for company (P5)", async () => {
  const setup = await stage({
    definition: { limits: { events: 1_000, bytes: 1e9, ageMs: 60_000 } },
    figures: { readAheadBytes: 100_000 },
  });

  await setup.spool.append(Array.from({ length: 10 }, (_, index) => sized(`e${index}`, 50_000)));
  await setup.clock.advance(1_000);

  expect(setup.sink.taken.length).toBeGreaterThanOrEqual(2);
  await setup.route.close();
});

function large(id: string) {
  return sized(id, LARGE_BYTES);
}

function sized(id: string, bytes: number) {
  const event = {
    id,
    kind: "note.made",
    time: "2026-01-01T00:00:00.000Z",
    metadata: { a: "x".repeat(bytes) },
  };
  return record(id, { body: Uint8Array.from(Buffer.from(JSON.stringify(event))) });
}
