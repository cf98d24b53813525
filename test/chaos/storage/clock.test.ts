import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { balanceHolds, eventually, House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { libraryPath, missingTools } from "../tools.ts";
import { sinkNow, sinksNow } from "./daemon-status.ts";
import { load } from "./ingest-load.ts";
import { openSwitchedBackend } from "./switched-backend.ts";

/** Wall clocks that a daemon meets, one after the other: seconds from now, or a moment. */
const ALL_STEPS = [
  ...["+1h", "-1h", "+2y", "-2y", "+10y"],
  ...["@2038-01-19 03:14:00", "@2099-12-31 23:59:50", "@1970-01-01 00:10:00"],
];
const STEPS = scaled({
  test: ["+2y", "@2038-01-19 03:14:00", "@1970-01-01 00:10:00"],
  chaos: ALL_STEPS,
  soak: ALL_STEPS,
});
/** Between two tries of a route that waits: its own longest pause. */
const PAUSE_MS = 1_000;
const WATCH_MS = scaled({ test: 1_200, chaos: 3_000, soak: 20_000 });

const missing = missingTools("linux", "libfaketime");
const folder = mkdtempSync(join(tmpdir(), "sluice-clock-"));
const setting = join(folder, "time");
const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(missing)(
  `steps of the wall clock cost no event, no burst and no stall, live and over restarts (P14, T60, T62)${missing}`,
  async () => {
    const backend = await openSwitchedBackend();
    open.push(backend);
    const house = new House();
    open.push(house);
    house.configure(`
    [spool]
    keep_for = "1h"

    [[sinks]]
    name = "file"
    type = "file"
    params = { path = "events.jsonl" }

    [[sinks]]
    name = "down"
    type = "lunary"
    retry = { max_wait = "${PAUSE_MS}ms" }
    params = { api_key = "k", endpoint = "${backend.url}", requests_per_second = 1000 }`);
    setTime("+0");
    await house.start(fakeTime());
    let sent = 0;
    let mostTries = 0;
    const longestMs: number[] = [];

    for (const step of STEPS) {
      const lines = load(house.url, { bytes: 500, batch: 5, parallel: 2, events: 100 });
      setTime(step);
      sent += (await lines).events;
      mostTries = Math.max(mostTries, await triesWithin(WATCH_MS, backend));
      const delivered = sent;
      const steppedMs = performance.now();
      await eventually(
        async () => ((await sinkNow(house, "file")).balance.delivered === delivered ? true : undefined),
        60_000,
      );
      longestMs.push(performance.now() - steppedMs);
      await house.kill();
      await house.start(fakeTime());
      expect((await sinkNow(house, "down")).balance.pending).toBe(sent);
    }
    backend.mend();
    await eventually(
      async () => ((await sinkNow(house, "down")).balance.pending === 0 ? true : undefined),
      60_000,
    );

    const sinks = await sinksNow(house);
    for (const year of [1970, 2038]) expect(house.log, "a daemon lived then").toContain(`"time":"${year}-`);
    expect(sinks.every(({ balance }) => balanceHolds(balance) && balance.delivered === sent)).toBe(true);
    expect(new Set(house.lines().map(({ id }) => id)).size, "events in the file").toBe(sent);
    // A series is one try and three retries, and then the pause: without a step it is no more.
    const usual = 2 * 4 * Math.ceil(WATCH_MS / PAUSE_MS);
    expect(mostTries).toBeLessThanOrEqual(2 * usual);
    expect(readdirSync(house.dataDir).filter((name) => name.startsWith("events"))).toEqual(["events.jsonl"]);
    const stopped = await house.stop();
    expect(stopped.exit, stopped.stderr).toBe(0);
    expect((await house.run("verify")).exit).toBe(0);
    figure(
      "P14",
      `${STEPS.length} steps of the wall clock (1970 to ${scaled({ test: 2038, chaos: 2099, soak: 2099 })}) with a restart after each: events lost of ${sent}`,
      0,
      "0",
    );
    figure(
      "P14",
      "  longest wait until a sink that is well had everything",
      `${Math.round(Math.max(...longestMs))} ms`,
      "≤ 60 s",
    );
    figure(
      "P14",
      `  tries of a sink that is down in ${WATCH_MS} ms after a step, at most`,
      mostTries,
      `≤ ${2 * usual}, twice the usual`,
    );
  },
  600_000,
);

function fakeTime(): Record<string, string> {
  return {
    LD_PRELOAD: libraryPath("libfaketime"),
    FAKETIME_TIMESTAMP_FILE: setting,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    DONT_FAKE_MONOTONIC: "1",
  };
}

function setTime(text: string): void {
  writeFileSync(setting, `${text}\n`);
}

/** How often the backend is asked in so long a time. */
async function triesWithin(ms: number, backend: { readonly requests: number }): Promise<number> {
  const before = backend.requests;
  const untilMs = performance.now() + ms;
  await eventually(() => (performance.now() >= untilMs ? true : undefined), ms + 5_000);
  return backend.requests - before;
}
