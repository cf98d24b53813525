import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Step } from "../../../packages/sluice/src/testing/backend.ts";
import { figure } from "../figures.ts";
import { seededDraw } from "../scale.ts";
import { eventsOf } from "./collector.ts";
import { collector, Rig, range, type Station } from "./rig.ts";

/** One batch, and one event in it that the backend does not bear. */
const BATCH = 500;
/** log2 of it and two; two more where the halves may be too large as well. */
const EXTRA_MAX = 11;

const random = seededDraw();
let rig: Rig;
let station: Station;
beforeEach(async () => {
  rig = new Rig();
  station = await rig.station();
});
afterEach(() => rig.tearDown());

const somewhere = Math.floor(random.fraction() * BATCH);

test.each([
  [400, EXTRA_MAX],
  [422, EXTRA_MAX],
  [413, EXTRA_MAX + 2],
])(
  "one poison in 500 that is answered %i costs itself, and few requests (P11, T50)",
  async (status, extraMax) => {
    const extra: number[] = [];
    for (const place of [0, somewhere, BATCH - 1]) {
      if (place > 0) await renew();
      poison(`e${place}`, { status, body: "this one is no good" });
      await rig.open(collector("sink", station, { events: BATCH, ageMs: 1_000 }));

      await rig.append(...range(BATCH));
      await rig.settled(10_000);

      expect(rig.balanceOf("sink")).toMatchObject({ delivered: BATCH - 1, deadLettered: 1 });
      expect(station.arrivals.ids).toHaveLength(BATCH - 1);
      expect(station.arrivals.distinct.has(`e${place}`)).toBe(false);
      extra.push(station.backend.requests.length - 1);
      expect(extra.at(-1)).toBeLessThanOrEqual(extraMax);
      await rig.proveBooks();
    }
    figure(
      "P11",
      `one event of 500 answered ${status}: requests beyond the first`,
      Math.max(...extra),
      `≤ ${extraMax}`,
    );
  },
);

test("one poison in 500 over which the backend breaks the connection costs itself (P11, T50)", async () => {
  poison(`e${somewhere}`, "reset");
  await rig.open(collector("sink", station, { events: BATCH, ageMs: 10, maxWaitMs: 20 }));

  await rig.append(...range(BATCH));
  let others = 0;
  // It is the event's fault and not the backend's only as long as others get through.
  while (rig.balanceOf("sink").deadLettered === 0) {
    const other = `other-${others++}`;
    await rig.append(other);
    await vi.waitFor(() => expect(station.arrivals.ids).toContain(other), { timeout: 10_000, interval: 5 });
  }
  await rig.settled(10_000);

  expect(rig.balanceOf("sink")).toMatchObject({ delivered: BATCH - 1 + others, deadLettered: 1 });
  expect(station.arrivals.ids).toHaveLength(BATCH - 1 + others);
  const broken = rig.attempts.filter(({ outcome }) => outcome === "retry").length;
  await rig.proveBooks();
  figure("P11", "one event of 500 breaks connections: requests that failed", broken, "≤ 40");
  expect(broken).toBeLessThanOrEqual(40);
});

async function renew(): Promise<void> {
  await rig.tearDown();
  rig = new Rig();
  station = await rig.station();
}

function poison(id: string, step: Step): void {
  station.backend.choose((request) => (eventsOf(request).some((event) => event.id === id) ? step : "pass"));
}
