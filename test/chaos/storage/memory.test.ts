import { execFile } from "node:child_process";
import { Agent } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { balanceHolds, eventually, House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scale, scaled } from "../scale.ts";
import { missingTools } from "../tools.ts";
import { sinkNow, sinksNow } from "./daemon-status.ts";
import { type Answered, eventLine, load, p99, post } from "./ingest-load.ts";
import { limitMemory, missingMemoryGroups, watchMemory } from "./memory-watch.ts";
import { openSwitchedBackend } from "./switched-backend.ts";

/** What all of Node and our code take before the first event, and what the collector has not collected yet. */
const RESIDENT_MIB_MAX = 400;
const RESIDENT_LARGE_MIB_MAX = 600;
const MIB = 2 ** 20;

const missing = missingTools("linux");
const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource.close();
});

test.skipIf(missing)(
  `memory stays flat while a sink is down and events go on coming (P5, T30)${missing}`,
  async () => {
    const { house, url } = await start({ sinks: 1 });
    const limit = missingMemoryGroups() === "" ? limitMemory(watchMemory(house).pid, 512 * MIB) : undefined;
    const memory = watchMemory(house);
    const half = {
      bytes: 2_048,
      batch: 50,
      parallel: 4,
      perSecond: 2_000,
      forMs: scaled({ test: 1_000, chaos: 30_000, soak: 1_800_000 }),
    };

    const first = await load(url, half);
    const middle = memory.residentMib;
    const second = await load(url, half);
    const end = memory.residentMib;

    expect(new Set([...first.statuses.keys(), ...second.statuses.keys()])).toEqual(new Set([202]));
    expect(memory.peakMib).toBeLessThanOrEqual(RESIDENT_MIB_MAX);
    expect(end - middle, "MiB between the middle and the end").toBeLessThanOrEqual(
      scaled({ test: 100, chaos: 50, soak: 50 }),
    );
    expect(limit?.kills ?? 0).toBe(0);
    const events = first.events + second.events;
    expect((await sinkNow(house, "down0")).balance.pending).toBeGreaterThanOrEqual(events);
    figure(
      "P5",
      `2 KiB events with the sink down: ${events} events, peak resident`,
      `${memory.peakMib} MiB`,
      "≤ 400 MiB",
    );
    figure("P5", "  growth from the middle to the end", `${end - middle} MiB`, "flat");
    await house.kill();
    limit?.close();

    await house.start();
    expect((await sinkNow(house, "down0")).balance.pending).toBeGreaterThanOrEqual(events);
    expect(watchMemory(house).peakMib).toBeLessThanOrEqual(RESIDENT_MIB_MAX);
  },
  4_000_000,
);

test.skipIf(missing)(
  `large events at once are taken or refused, and cost the small ones nothing (P5, T31)${missing}`,
  async () => {
    const { house, url } = await start({ sinks: 2 });
    const memory = watchMemory(house);
    const agent = new Agent({ keepAlive: true });
    const at = scaled({ test: 16, chaos: 64, soak: 64 });

    const large = sendLarge(url, at, 8 * MIB);
    let isOver = false;
    const small: { status: number; ms: number }[] = [];
    const others = (async () => {
      while (!isOver) small.push(await post(url, eventLine(2_048), agent));
    })();
    const answers = await large;
    isOver = true;
    await others;
    const beyond = await post(url, eventLine(10 * MIB + 1), agent);
    agent.destroy();

    const taken = answers.filter(({ status }) => status === 202).length;
    expect(taken).toBeGreaterThan(0);
    for (const { status, retryAfter } of answers) {
      expect([202, 503]).toContain(status);
      if (status === 503) expect(Number(retryAfter)).toBeGreaterThan(0);
    }
    expect(small.filter(({ status }) => status !== 202)).toEqual([]);
    expect(beyond.status).toBe(413);
    expect(memory.peakMib).toBeLessThanOrEqual(RESIDENT_LARGE_MIB_MAX);
    figure(
      "P5",
      `${at} requests of 8 MiB at once (${taken} taken, the others 503), peak resident`,
      `${memory.peakMib} MiB`,
      "≤ 600 MiB",
    );
    // Not asserted: it says as much of who else uses the machine.
    const p99Ms = Math.round(p99(small.map(({ ms }) => ms)));
    if (scale !== "test") figure("P5", "  2 KiB requests beside them, p99", `${p99Ms} ms`, "≤ 250 ms");
  },
  120_000,
);

test.skipIf(missing)(
  `large events for many sinks that are down, and then well, stay within bounds (P5, T31)${missing}`,
  async () => {
    const sinks = scaled({ test: 4, chaos: 10, soak: 10 });
    const { house, url, backend } = await start({ sinks });
    const memory = watchMemory(house);
    const events = scaled({ test: 5, chaos: 16, soak: 40 });

    const { statuses } = await load(url, { bytes: 5 * MIB, batch: 1, parallel: 2, events });
    await eventually(() => (backend.requests >= 2 * sinks ? true : undefined), 60_000);
    const down = memory.peakMib;
    backend.mend();
    await eventually(async () => {
      const all = await sinksNow(house);
      return all.every(({ balance }) => balanceHolds(balance) && balance.delivered === events)
        ? true
        : undefined;
    }, 300_000);

    expect([...statuses.keys()]).toEqual([202]);
    expect(Math.max(down, memory.peakMib)).toBeLessThanOrEqual(RESIDENT_LARGE_MIB_MAX);
    figure(
      "P5",
      `${events} events of 5 MiB for ${sinks} sinks, first down, then well: peak resident`,
      `${memory.peakMib} MiB`,
      "≤ 600 MiB",
    );
  },
  400_000,
);

const BACKLOGS = [
  // A million small events take minutes to send: that is for the night.
  ["1 KiB", 1_024, 1_000, 256],
  ["1 MiB", MIB, 4, 1_024],
] as const;
// A change gets by with one, of 1 MiB events; with small ones the test above has begun again.
for (const [name, bytes, batch, chaos] of BACKLOGS.slice(scaled({ test: 1, chaos: 0, soak: 0 }))) {
  test.skipIf(missing)(
    `a restart with a large backlog of ${name} events takes no more memory than a small one (P5, T30)${missing}`,
    async () => {
      const { house, url } = await start({ sinks: 3 });
      const backlogMib = scaled({ test: 24, chaos, soak: 1_024 });
      const made = await load(url, { bytes, batch, parallel: 2, events: (backlogMib * MIB) / bytes });
      await house.kill();

      const startedAt = performance.now();
      await house.start();
      const readyMs = Math.round(performance.now() - startedAt);
      const memory = watchMemory(house);
      const pending = (await sinkNow(house, "down0")).balance.pending;

      expect(pending).toBe(made.events);
      expect(memory.peakMib).toBeLessThanOrEqual(RESIDENT_MIB_MAX + idsMib(made.events));
      figure(
        "P5",
        `start with ${backlogMib} MiB of ${name} events (ready in ${readyMs} ms), peak resident`,
        `${memory.peakMib} MiB`,
        "≤ 400 MiB and the ids",
      );
    },
    600_000,
  );
}

/** 40 bytes each, and as much again while the table doubles. */
function idsMib(events: number): number {
  return Math.ceil((events * 80) / MIB);
}

async function sendLarge(url: string, count: number, bytes: number): Promise<readonly Answered[]> {
  const script = join(import.meta.dirname, "large-sender.ts");
  const words = ["--conditions=sluice-source", script, url, String(count), String(bytes)];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return JSON.parse(stdout);
}

/** A daemon with so many sinks, all of which get 503 until `mend`. */
async function start({ sinks }: { readonly sinks: number }) {
  const backend = await openSwitchedBackend();
  open.push(backend);
  const house = new House();
  open.push(house);
  house.configure(
    Array.from(
      { length: sinks },
      (_, index) => `
    [[sinks]]
    name = "down${index}"
    type = "lunary"
    retry = { max_wait = "1s" }
    params = { api_key = "k", endpoint = "${backend.url}", requests_per_second = 1000 }`,
    ).join("\n"),
  );
  const url = await house.start();
  return { house, url, backend };
}
