import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { InFlight } from "./in-flight.ts";
import type { PendingEvent } from "./pending-event.ts";

/** Two batches of ten at a time; a ledger that is stored when the test says so. */
class Bench {
  readonly clock = new ManualClock();
  readonly writer = { unstored: 0, isFailing: false, flush: () => this.#flush() };
  readonly flushes: (() => void)[] = [];
  places = 0;
  readonly inFlight = new InFlight({
    definition: { inFlight: 2, limits: { events: 10, bytes: 1e6 } },
    writer: this.writer,
    clock: this.clock,
    turns: undefined,
    onPlace: () => this.places++,
    onCount: () => {},
  });

  /** A batch leaves and comes back, and its events are settled but not stored. */
  deliver(events: number): void {
    const batch = Array.from({ length: events }, () => ({}) as PendingEvent);
    this.inFlight.leaves(batch);
    this.inFlight.isBack(batch);
    this.writer.unstored += events;
  }

  async stored(): Promise<void> {
    this.writer.unstored = 0;
    for (const resolve of this.flushes.splice(0)) resolve();
    await this.clock.advance(0);
  }

  #flush(): Promise<boolean> {
    return new Promise((resolve) => this.flushes.push(() => resolve(true)));
  }
}

test("what a crash would send again stays within what may be in flight: the next batch waits for the ledger (P1)", async () => {
  const bench = new Bench();
  bench.deliver(10);
  expect(bench.inFlight.mayLeave()).toBe(true);
  bench.deliver(10);

  expect(bench.inFlight.mayLeave()).toBe(false);
  expect(bench.inFlight.mayLeave()).toBe(false);
  expect(bench.flushes).toHaveLength(1);

  await bench.stored();
  expect(bench.places).toBe(1);
  expect(bench.inFlight.mayLeave()).toBe(true);
});

test("a disk that fails or hangs under the ledger holds up no batch (P7)", async () => {
  const hung = new Bench();
  hung.deliver(20);
  expect(hung.inFlight.mayLeave()).toBe(false);
  await hung.clock.advance(1_000);
  expect([hung.places, hung.inFlight.mayLeave(), hung.flushes.length]).toEqual([1, true, 1]);

  const failing = new Bench();
  failing.deliver(20);
  failing.writer.isFailing = true;
  expect([failing.inFlight.mayLeave(), failing.flushes.length]).toEqual([true, 0]);
});
