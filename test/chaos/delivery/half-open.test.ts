import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { figure } from "../figures.ts";
import { passed } from "../moments.ts";
import { scaled } from "../scale.ts";
import { missingTools } from "../tools.ts";
import { FAR_HOST_TOOLS, FarHost } from "./far-host.ts";
import { collector, Rig, range } from "./rig.ts";

const AWAY_MS = scaled({ test: 1_000, chaos: 30_000, soak: 120_000 });
/** Before and after. */
const THERE_MS = scaled({ test: 200, chaos: 3_000, soak: 10_000 });
const TIMEOUT_MS = scaled({ test: 300, chaos: 5_000, soak: 30_000 });
const EVENTS_PER_SECOND = scaled({ test: 500, chaos: 1_000, soak: 1_000 });
const TICK_MS = 20;
const NOTICED_MS_MAX = TIMEOUT_MS + 5_000;
/** The longest wait between two tries of a route, one more try, and its backlog. */
const RESUMED_MS_MAX = 30_000 + TIMEOUT_MS + 10_000;

let rig: Rig;
let host: FarHost | undefined;
let stream: Stream | undefined;
beforeEach(() => {
  rig = new Rig();
});
afterEach(async () => {
  await stream?.end();
  await rig.tearDown();
  await host?.close();
});

const missing = missingTools(...FAR_HOST_TOOLS);
test.skipIf(missing)(
  `a backend whose address vanishes in mid-stream costs no event, and is found again (P12, P2, T55)${missing}`,
  async () => {
    host = await FarHost.open();
    await rig.open(collector("far", { backend: host }, { timeoutMs: TIMEOUT_MS }));
    stream = openStream();
    await untilMore(() => rig.balanceOf("far").delivered, 0, 10_000);
    await passed(THERE_MS);

    const failuresBefore = failures().length;
    await host.vanish();
    const [noticedMs] = await Promise.all([
      untilMore(() => failures().length, failuresBefore, NOTICED_MS_MAX),
      passed(AWAY_MS),
    ]);
    const deliveredBefore = rig.balanceOf("far").delivered;
    await host.appear();
    const resumedMs = await untilMore(() => rig.balanceOf("far").delivered, deliveredBefore, RESUMED_MS_MAX);
    await passed(THERE_MS);
    await stream.end();
    await rig.settled(RESUMED_MS_MAX);

    const sent = new Set(rig.acknowledged);
    // It was neither refused nor reset: the silence was noticed.
    expect(failures().slice(failuresBefore)).toContain(`no answer within ${TIMEOUT_MS} ms`);
    expect(new Set(await host.taken())).toEqual(sent);
    expect(rig.balanceOf("far")).toMatchObject({ delivered: sent.size, deadLettered: 0, dropped: {} });
    await rig.proveBooks();
    figure("P12", `a backend's address gone for ${AWAY_MS / 1_000} s, ${sent.size} events: lost`, 0, "0");
    const beyond = Math.max(0, noticedMs - TIMEOUT_MS) / 1_000;
    figure("P12", "the same: seconds until noticed, beyond the time-out", beyond.toFixed(1), "≤ 5");
    figure(
      "P12",
      "the same: seconds until events were delivered again",
      (resumedMs / 1_000).toFixed(1),
      "≤ 45",
    );
  },
  scaled({ test: 60_000, chaos: 180_000, soak: 600_000 }),
);

function failures(): readonly string[] {
  return rig.attempts.flatMap(({ outcome, reason }) => (outcome === "retry" ? [reason ?? ""] : []));
}

/** How long it takes, in ms. */
async function untilMore(count: () => number, than: number, withinMs: number): Promise<number> {
  const startMs = performance.now();
  await vi.waitFor(() => expect(count()).toBeGreaterThan(than), { timeout: withinMs, interval: 5 });
  return performance.now() - startMs;
}

/** Events at a steady pace, until told to end. */
interface Stream {
  end(): Promise<void>;
}

function openStream(): Stream {
  let isOver = false;
  const flow = async () => {
    const startMs = performance.now();
    for (let tick = 0; !isOver; tick++) {
      await rig.append(...range((EVENTS_PER_SECOND * TICK_MS) / 1_000, `${tick}-`));
      await passed(Math.max(0, startMs + (tick + 1) * TICK_MS - performance.now()));
    }
  };
  const flowing = flow();
  return {
    end() {
      isOver = true;
      return flowing;
    },
  };
}
