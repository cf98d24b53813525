import { systemClock } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { figure } from "../figures.ts";
import { passed } from "../moments.ts";
import { collector, Rig, type Station } from "./rig.ts";

const HOUR_MS = 3_600_000;
/** The route's own first wait. */
const BACKOFF_MS = 1_000;
/** A request before and after is none too many: a wait of a millisecond would make hundreds in this time. */
const WATCH_MS = 500;

const year9999 = "Fri, 31 Dec 9999 23:59:59 GMT";
const past = "Mon, 01 Jan 2001 00:00:00 GMT";

const CASES: readonly (readonly [header: string | string[], waitMs: number])[] = [
  ["0", BACKOFF_MS],
  ["-1", BACKOFF_MS],
  ["1e99", BACKOFF_MS],
  ["NaN", BACKOFF_MS],
  ["Infinity", BACKOFF_MS],
  [past, BACKOFF_MS],
  ["7", 7_000],
  ["2147483", HOUR_MS],
  ["2147484", HOUR_MS],
  ["2147483648", HOUR_MS],
  ["9".repeat(400), HOUR_MS],
  [year9999, HOUR_MS],
  [["7", "2147483648", "x"], 7_000],
];

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.tearDown());

test("whatever a backend says in Retry-After, the wait is sensible, and never a spin (P13, T58)", async () => {
  const stations: Station[] = [];
  for (const [header] of CASES) {
    const station = await rig.station();
    station.backend.choose(() => ({ status: 429, headers: { "retry-after": header } }));
    stations.push(station);
  }
  await rig.open(...stations.map((station, index) => collector(`sink-${index}`, station)));

  await rig.append("one");
  const waits = await Promise.all(CASES.map((_, index) => waitOf(`sink-${index}`)));
  const soon = stations.map(({ backend }) => backend.requests.length);
  await passed(WATCH_MS);

  for (const [index, [header, expectedMs]] of CASES.entries()) {
    const waitMs = waits[index] ?? Number.NaN;
    expect(waitMs, String(header)).toBeGreaterThan(expectedMs - 1_000);
    expect(waitMs, String(header)).toBeLessThanOrEqual(expectedMs);
    // What is no word of the backend's gets the quick tries of a series first.
    const more = (stations[index]?.backend.requests.length ?? 0) - (soon[index] ?? 0);
    expect(more, `requests within ${WATCH_MS} ms after "${header}"`).toBeLessThanOrEqual(1);
  }
  await rig.proveBooks();
  figure("P13", `${CASES.length} values of Retry-After: shortest and longest wait`, "1 s, 1 h", "1 s … 1 h");
});

/** What a route that waits has before it, from the moment in which it began to. */
async function waitOf(sink: string): Promise<number> {
  const untilMs = await vi.waitFor(
    () => {
      const route = rig.pipeline.status().sinks.find((each) => each.route === sink);
      expect(route?.state.name).toBe("waiting");
      return route?.waitUntilMs ?? Number.NaN;
    },
    { timeout: 10_000, interval: 5 },
  );
  return untilMs - systemClock.nowMs();
}
