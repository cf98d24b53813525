import { afterEach, beforeEach, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { passed } from "../moments.ts";
import { scale, scaled } from "../scale.ts";
import { quickClock } from "./quick-clock.ts";
import { collector, Rig, range } from "./rig.ts";

/** How much faster than in life. */
const TIMES = scaled({ test: 10, chaos: 2, soak: 1 });
const UP_MS = 5_000;
const CYCLES = scaled({ test: 3, chaos: 6, soak: 60 });
/** Every so often an event comes: as many requests a second while all is well. */
const PACE_MS = 25;
/**
 * The tries of the batches that were on their way, twice where some others had just got through, and the
 * probes of the waits of 1, 2 and 4 seconds.
 */
const IN_VAIN_MAX = 2 * 4 * 4 + 3;

let rig: Rig;
const clock = quickClock(TIMES);
beforeEach(() => {
  rig = new Rig(clock);
});
afterEach(() => rig.tearDown());

test("a backend that is up and down in turns is neither hammered nor run over (P12, P13, T56)", async () => {
  const station = await rig.station();
  const startMs = clock.monotonicMs();
  const phase = () => Math.floor((clock.monotonicMs() - startMs) / UP_MS);
  /** When each request came that was answered well. */
  const takenAtMs: number[] = [];
  station.backend.choose(() => {
    if (phase() % 2 === 1 && phase() < 2 * CYCLES) return { status: 503 };
    takenAtMs.push(clock.monotonicMs() - startMs);
    return "pass";
  });
  await rig.open(collector("sink", station, { ageMs: 10 }));

  for (let event = 0; phase() < 2 * CYCLES; event++) {
    await rig.append(...range(1, `${event}-`));
    const dueMs = startMs + (event + 1) * PACE_MS;
    await passed(Math.max(0, dueMs - clock.monotonicMs()) / TIMES);
  }
  await rig.settled(60_000);

  const steadyPerSecond = 1_000 / PACE_MS;
  const firstSeconds = Array.from({ length: CYCLES }, (_, cycle) => (cycle + 1) * 2 * UP_MS).map(
    (upAtMs) => takenAtMs.filter((atMs) => atMs >= upAtMs && atMs < upAtMs + 1_000).length,
  );
  expect(Math.max(...firstSeconds)).toBeLessThanOrEqual(2 * steadyPerSecond);
  const inVain = rig.attempts.filter(({ outcome }) => outcome === "retry");
  const perOutage = inVain.length / CYCLES;
  const share = inVain.reduce((sum, { events }) => sum + events, 0) / rig.acknowledged.length;
  expect(station.arrivals.distinct).toEqual(new Set(rig.acknowledged));
  expect(station.arrivals.duplicates).toBe(0);
  await rig.proveBooks();
  const most = Math.max(...firstSeconds);
  const outages = "a backend that is up for 5 s and down for 5 s";
  figure("P13", `${outages}: requests in vain, each time`, perOutage.toFixed(1), `≤ ${IN_VAIN_MAX}`);
  figure("P13", `${outages}: events in them, of all`, `${(100 * share).toFixed(1)} %`, "≤ 10 %");
  figure("P13", `${outages}: requests in its first second`, most, `≤ ${2 * steadyPerSecond}`);
  expect(perOutage).toBeLessThanOrEqual(IN_VAIN_MAX);
  // Ten times as fast a batch has more of company than in life.
  if (scale !== "test") expect(share).toBeLessThanOrEqual(0.1);
}, 180_000);
