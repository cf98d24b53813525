import { afterEach, beforeEach, expect, test } from "vitest";
import { figure } from "../figures.ts";
import { passed } from "../moments.ts";
import { scale, scaled } from "../scale.ts";
import { type CollectorApart, startCollectorApart } from "./apart.ts";
import { monotonicMs } from "./monotonic.ts";
import { collector, Rig, range } from "./rig.ts";

const SETTLED = scaled({ test: 2_000, chaos: 100_000, soak: 100_000 });
const LIVE_PER_TICK = 4;
const TICK_MS = 10;
/** Pairs of phases: live traffic alone, and while a replay runs. */
const PAIRS = scaled({ test: 1, chaos: 7, soak: 7 });

let rig: Rig;
let station: CollectorApart;
beforeEach(async () => {
  rig = new Rig();
  station = await startCollectorApart();
});
afterEach(async () => {
  await rig.tearDown();
  await station.close();
});

test(
  "a replay sends each of its events once, and live events as soon as without it (P12, P2)",
  async () => {
    await rig.open(collector("sink", station));
    await rig.append(...range(SETTLED));
    await rig.settled(120_000);
    await station.report();

    let live = 0;
    /** Live traffic until it is over; resolves to the 99th percentile of its latency. */
    const traffic = async (isOver: () => boolean): Promise<number> => {
      const sentMs = new Map<string, number>();
      while (!isOver()) {
        const ids = range(LIVE_PER_TICK, `live-${live++}-`);
        for (const id of ids) sentMs.set(id, monotonicMs());
        await rig.append(...ids);
        await passed(TICK_MS);
      }
      await rig.settled(10_000, "sink");
      const { news } = await station.report();
      expect(news.length).toBe(sentMs.size);
      const latenciesMs = news.map(([id, atMs]) => atMs - (sentMs.get(id) ?? Number.NaN));
      return latenciesMs.toSorted((a, b) => a - b)[Math.floor(latenciesMs.length * 0.99)] ?? Number.NaN;
    };
    const ratios: number[] = [];
    for (let pair = 1; pair <= PAIRS; pair++) {
      const started = performance.now();
      await rig.pipeline.replays.start({ sink: "sink", until: SETTLED });
      const during = await traffic(() => rig.pipeline.replays.finished.length === pair);
      const tookMs = performance.now() - started;
      const aloneUntilMs = performance.now() + tookMs;
      const alone = await traffic(() => performance.now() > aloneUntilMs);
      ratios.push(during / alone);
    }
    await rig.settled(10_000);

    const { times } = await station.report();
    const replayed = new Set(range(SETTLED));
    const wrong = rig.acknowledged.filter((id) => times.get(id) !== (replayed.has(id) ? 1 + PAIRS : 1));
    expect(wrong).toEqual([]);
    for (const { outcome, balance } of rig.pipeline.replays.finished) {
      expect(outcome).toBe("done");
      expect(balance).toMatchObject({ accepted: SETTLED, delivered: SETTLED, pending: 0 });
    }
    await rig.proveBooks();
    figure("P12", `${SETTLED} events replayed beside live ones: missing, or sent more than once`, 0, "0");
    if (scale === "test") return;
    const median = ratios.toSorted((a, b) => a - b)[PAIRS >> 1] ?? Number.NaN;
    figure(
      "P12",
      "p99 of live events beside a replay, as a multiple of alone (median of pairs)",
      median.toFixed(2),
      "≤ 1.5",
    );
    expect(median, ratios.join(" ")).toBeLessThanOrEqual(1.5);
  },
  scaled({ test: 30_000, chaos: 300_000, soak: 300_000 }),
);
