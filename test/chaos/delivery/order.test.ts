import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { BackendRequest, Step } from "../../../packages/sluice/src/testing/backend.ts";
import { figure } from "../figures.ts";
import { scaled, seededDraw } from "../scale.ts";
import { eventsOf } from "./collector.ts";
import { quickClock } from "./quick-clock.ts";
import { collector, Rig, type Station } from "./rig.ts";

const RUNS = scaled({ test: 60, chaos: 1_000, soak: 5_000 });
const EVENTS_PER_RUN = 20;
/** Every so many events of each run the process is killed, or closed and opened again. */
const EVENTS_PER_LIFE = scaled({ test: 2, chaos: 2, soak: 1 });
const ERROR_SHARE = 0.1;
/** Of all events, at each sink. */
const REFUSED_SHARE = 0.01;

const random = seededDraw();
let rig: Rig;
beforeEach(() => {
  // Waits are not what is looked at here.
  rig = new Rig(quickClock(20));
});
afterEach(() => rig.tearDown());

test(
  `${RUNS} runs of 20 events arrive in order through errors, kills and restarts (P4, P2, T23)`,
  async () => {
    const sinks = [
      { name: "large", events: 100, station: await rig.station() },
      { name: "small", events: 7, station: await rig.station() },
    ];
    const refused = new Map(sinks.map(({ name, station }) => [name, refuseSome(station)]));
    const reopen = () =>
      rig.open(
        ...sinks.map(({ name, events, station }) => collector(name, station, { events, maxWaitMs: 500 })),
      );
    await reopen();
    /** Some of what is pending has been sent since, and not in order: a key that waits lets others pass. */
    const underWay = async (part: number) => {
      const most = rig.balanceOf("small").pending * part;
      await vi.waitFor(() => expect(rig.balanceOf("small").pending).toBeLessThanOrEqual(most), {
        timeout: 20_000,
        interval: 1,
      });
    };

    for (let event = 0; event < EVENTS_PER_RUN; event++) {
      await rig.append(...Array.from({ length: RUNS }, (_, run) => `r${run}/${event}`));
      if (event % EVENTS_PER_LIFE !== EVENTS_PER_LIFE - 1) continue;
      await underWay(random.fraction());
      if (random.fraction() < 0.7) await rig.kill();
      else await rig.close();
      await reopen();
    }
    await rig.settled(60_000);

    for (const { name, station } of sinks) {
      const poisons = refused.get(name) ?? new Set();
      expect(inversions(station.arrivals.ids, poisons), name).toEqual([]);
      const wanted = rig.acknowledged.filter((id) => !poisons.has(id));
      expect(station.arrivals.distinct, name).toEqual(new Set(wanted));
      expect(rig.balanceOf(name)).toMatchObject({ delivered: wanted.length, deadLettered: poisons.size });
    }
    const count = rig.acknowledged.length;
    await rig.proveBooks();
    figure("P4", `${count} events of ${RUNS} runs, 10 % errors, kills: inversions per key and sink`, 0, "0");
  },
  scaled({ test: 60_000, chaos: 300_000, soak: 1_800_000 }),
);

/** Events that came first before one of their run that was still to come, and would be taken. */
function inversions(arrived: readonly string[], refused: ReadonlySet<string>): readonly string[] {
  const seen = new Set<string>();
  return arrived.filter((id) => {
    if (seen.has(id)) return false;
    seen.add(id);
    const [run, number] = id.split("/");
    const earlier = Array.from({ length: Number(number) }, (_, event) => `${run}/${event}`);
    return earlier.some((each) => !seen.has(each) && !refused.has(each));
  });
}

/** One in ten requests fails in some way; some events are refused for good, which gets batches bisected. */
function refuseSome({ backend }: Station): ReadonlySet<string> {
  const fates = new Map<string, boolean>();
  const refused = new Set<string>();
  const isRefused = ({ id }: { readonly id: string }) => {
    const fate = fates.get(id) ?? random.fraction() < REFUSED_SHARE;
    fates.set(id, fate);
    if (fate) refused.add(id);
    return fate;
  };
  backend.choose((request: BackendRequest): Step => {
    const isGood = !eventsOf(request).map(isRefused).includes(true);
    if (random.fraction() >= ERROR_SHARE) return isGood ? "pass" : { status: 400 };
    const error = errors[Math.floor(random.fraction() * errors.length)] ?? "reset";
    // What it refuses it does not store either.
    return error === "loseAnswer" && !isGood ? "reset" : error;
  });
  return refused;
}

const errors: readonly Step[] = [
  "reset",
  "loseAnswer",
  "html",
  { status: 500 },
  { status: 503 },
  { status: 429, headers: { "retry-after": "1" } },
];
