import { afterEach, beforeEach, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { passed } from "../moments.ts";
import { scale, scaled } from "../scale.ts";
import { HOSTILE } from "./hostile.ts";
import { collector, Rig, range, type Station } from "./rig.ts";

const BAD = Object.keys(HOSTILE).length;
const BAD_MS = scaled({ test: 1_000, chaos: 60_000, soak: 600_000 });
const EVENTS_PER_SECOND = scaled({ test: 500, chaos: 1_000, soak: 1_000 });
const TICK_MS = 20;
/** A request to a backend that hangs ends with this. */
const TIMEOUT_MS = scaled({ test: 300, chaos: 2_000, soak: 2_000 });
/** How late a timer may be where everybody is busy. */
const LATE_MS_MAX = 1_000;
const DRAIN_MS_MAX = 60_000;

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.tearDown());

test(
  "ten hostile sinks cost the eleventh nothing, and heal without a loss (P12, P2, T54, T20)",
  async () => {
    const good = await rig.station();
    const bad = await badStations();
    await rig.open(collector("good", good), ...sinksOf(bad));

    await load(BAD_MS);
    await rig.settled(5_000, "good");
    const sent = new Set(rig.acknowledged);
    expect(good.arrivals.distinct).toEqual(sent);
    expect(good.arrivals.duplicates).toBe(0);
    for (const [name, { backend, arrivals }] of bad) {
      expect(backend.requests.length, name).toBeGreaterThan(0);
      expect(arrivals.ids, name).toEqual([]);
      expect(rig.balanceOf(name), name).toMatchObject({ pending: sent.size, deadLettered: 0 });
      expect(backend.connections, name).toBeLessThanOrEqual(8);
    }

    // Also where the backend says a byte now and then, which is no silence.
    const longestMs = Math.max(...rig.attempts.map(({ durationMs }) => durationMs));
    expect(longestMs).toBeLessThanOrEqual(TIMEOUT_MS + LATE_MS_MAX);

    const healedAtMs = performance.now();
    for (const [, { backend }] of bad) backend.choose(() => "pass");
    await rig.settled(DRAIN_MS_MAX);
    const drainedMs = performance.now() - healedAtMs;
    for (const [name, { arrivals }] of bad) {
      expect(arrivals.distinct, name).toEqual(sent);
      expect(rig.balanceOf(name), name).toMatchObject({ delivered: sent.size, deadLettered: 0 });
    }
    await rig.proveBooks();
    figure("P12", `${sent.size} events at ${BAD} hostile sinks: lost`, 0, "0");
    const lateMs = Math.max(0, longestMs - TIMEOUT_MS).toFixed(0);
    figure("P12", "ms by which the longest attempt was longer than its time-out", lateMs, `≤ ${LATE_MS_MAX}`);
    figure(
      "P12",
      "seconds until all of it was drained after they healed",
      (drainedMs / 1_000).toFixed(1),
      "≤ 60",
    );
  },
  scaled({ test: 20_000, chaos: 180_000, soak: 800_000 }),
);

/** Pairs of phases, alone and beside the hostile ones, each a pipeline of its own. */
const PAIRS = 7;
const PHASE_MS = 3_000;

/** A measurement: it has no place among what runs side by side with everything else. */
const measured = scale === "test" ? () => undefined : test;

measured(
  "a sink beside ten hostile ones is as prompt as alone (P12, T54)",
  async () => {
    const ratios: number[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      const alone = await p99Of(new Map());
      ratios.push((await p99Of(await badStations())) / alone);
    }

    const median = ratios.toSorted((a, b) => a - b)[PAIRS >> 1] ?? Number.NaN;
    expect(median, ratios.join(" ")).toBeLessThanOrEqual(1.5);
    figure(
      "P12",
      `p99 beside ${BAD} hostile sinks, as a multiple of alone (median of pairs)`,
      median.toFixed(2),
      "≤ 1.5",
    );
  },
  180_000,
);

/** From the acknowledgement to the arrival. */
async function p99Of(bad: ReadonlyMap<string, Station>): Promise<number> {
  const good = await rig.station();
  const acknowledgedMs = new Map<string, number>();
  const latenciesMs: number[] = [];
  good.arrivals.watch((id) => latenciesMs.push(performance.now() - (acknowledgedMs.get(id) ?? Number.NaN)));
  await rig.open(collector("good", good), ...sinksOf(bad));
  await load(PHASE_MS, (ids) => {
    for (const id of ids) acknowledgedMs.set(id, performance.now());
  });
  await rig.settled(5_000, "good");
  await rig.tearDown();
  rig = new Rig();
  return latenciesMs.toSorted((a, b) => a - b)[Math.floor(latenciesMs.length * 0.99)] ?? Number.NaN;
}

async function badStations(): Promise<ReadonlyMap<string, Station>> {
  const stations = new Map<string, Station>();
  for (const [name, behave] of Object.entries(HOSTILE)) {
    const station = await rig.station();
    station.backend.choose(() => behave(station.backend.requests.length));
    stations.set(name, station);
  }
  return stations;
}

function sinksOf(stations: ReadonlyMap<string, Station>) {
  const options = { timeoutMs: TIMEOUT_MS, maxWaitMs: TIMEOUT_MS };
  return [...stations].map(([name, station]) => collector(name, station, options));
}

async function load(
  durationMs: number,
  onSend: (ids: readonly string[]) => void = () => undefined,
): Promise<void> {
  const ticks = Math.ceil(durationMs / TICK_MS);
  const startMs = performance.now();
  for (let tick = 0; tick < ticks; tick++) {
    const ids = range((EVENTS_PER_SECOND * TICK_MS) / 1_000, `${tick}-`);
    onSend(ids);
    await rig.append(...ids);
    await passed(Math.max(0, startMs + (tick + 1) * TICK_MS - performance.now()));
  }
}
