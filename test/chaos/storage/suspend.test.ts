import { afterEach, expect, test } from "vitest";
import { balanceHolds, eventually, House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { sinksNow } from "./daemon-status.ts";
import { load } from "./ingest-load.ts";
import { openSwitchedBackend } from "./switched-backend.ts";

const STOPPED_MS = scaled({ test: 2_500, chaos: 20_000, soak: 90_000 });
const WINDOW_MS = 1_000;
const PER_SECOND = 200;

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource.close();
});

test.skipIf(process.platform === "win32")(
  "a daemon that is stopped and goes on keeps its data dir, sends no burst and drains (P14, T61)",
  async () => {
    const backend = await openSwitchedBackend();
    open.push(backend);
    const house = new House();
    open.push(house);
    house.configure(`
    [[sinks]]
    name = "lunary"
    type = "lunary"
    params = { api_key = "k", endpoint = "${backend.url}", requests_per_second = 20 }`);
    await house.start();
    backend.mend();
    const loading = load(house.url, {
      bytes: 500,
      batch: 5,
      parallel: 2,
      perSecond: PER_SECOND,
      forMs: STOPPED_MS + 6_000,
    });
    await eventually(() => (backend.timesMs.length >= 3 ? true : undefined), 30_000);

    process.kill(house.pid, "SIGSTOP");
    const stoppedMs = performance.now();
    const second = await house.run("start", "--listen", "127.0.0.1:0");
    const refusedMs = performance.now() - stoppedMs;
    await eventually(
      () => (performance.now() - stoppedMs >= STOPPED_MS ? true : undefined),
      STOPPED_MS + 5_000,
    );
    const goneOnMs = performance.now();
    process.kill(house.pid, "SIGCONT");
    const { events } = await loading;
    await eventually(
      async () => ((await sinksNow(house)).every(({ balance }) => balance.pending === 0) ? true : undefined),
      60_000,
    );

    expect(second.exit, second.stderr).toBe(75);
    expect(
      (await sinksNow(house)).every(({ balance }) => balanceHolds(balance) && balance.delivered >= events),
    ).toBe(true);
    const most = mostWithin(
      backend.timesMs.filter((atMs) => atMs >= goneOnMs),
      WINDOW_MS,
    );
    expect(most, "requests in a second").toBeLessThanOrEqual(2 * 20);
    figure("P14", `stopped for ${STOPPED_MS / 1_000} s and gone on: events lost of ${events}`, 0, "0");
    figure("P14", "  requests to a sink in the busiest second after it (usual limit 20)", most, "≤ 40");
    figure(
      "P14",
      "  a second daemon meanwhile: refused with exit 75 after, start of the process included",
      `${Math.round(refusedMs)} ms`,
      "it is refused",
    );
  },
  300_000,
);

/** The most of the times (rising) that lie within one window. */
function mostWithin(timesMs: readonly number[], windowMs: number): number {
  let most = 0;
  let from = 0;
  for (const [index, atMs] of timesMs.entries()) {
    while (atMs - (timesMs[from] ?? 0) > windowMs) from++;
    most = Math.max(most, index - from + 1);
  }
  return most;
}
