import { openSync, writeSync } from "node:fs";
import { seededRandom, systemClock, systemDisk } from "@sluice/sdk/internal";
import { openDeadLetters } from "../../../packages/sluice/src/dispatch/dead-letters/dead-letters.ts";
import type { Route } from "../../../packages/sluice/src/dispatch/route.ts";
import { openRoutes } from "../../../packages/sluice/src/dispatch/route-registry.ts";
import { openRoute } from "../../../packages/sluice/src/dispatch/sink-route.ts";
import type { Sink } from "../../../packages/sluice/src/sinks/define.ts";
import { type FileSpool, openFileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";
import type { Lease } from "../../../packages/sluice/src/spool/spool.ts";
import { ledgerOf, type Mark, ROUTE, recordOf, SEGMENT_BYTES, SINK } from "./crash-states-records.ts";

/**
 * The program that is recorded (native/record.c): one life of a data directory. It opens the spool,
 * routes.json and a route with dead letters; producers append side by side while ledgers are stored and
 * segments trimmed; then it closes all of it, or is killed in the middle of an append. A next life goes on
 * with the same files.
 *
 *   node --conditions=sluice-source crash-states-program.ts
 * '{"dataDir":…,"marks":…,"life":0,"ends":"killed","appends":7}'
 */
export interface ProgramOptions {
  readonly dataDir: string;
  /** Where marks are written; outside the data dir. */
  readonly marks: string;
  readonly life: number;
  readonly ends: "killed" | "closed";
  /** What each producer does in this life. */
  readonly appends: number;
}

const PRODUCERS = 5;
/** Large enough for a life of any length. */
const LEDGERS_PER_LIFE = 10_000;
const TURNS_PER_TRIM = 5;

const options: ProgramOptions = JSON.parse(process.argv[2] ?? "{}");
const { dataDir, life } = options;
const random = seededRandom(life + 1);
const marks = openSync(options.marks, "a");
let ledgers = life * LEDGERS_PER_LIFE;

await live();

async function live(): Promise<void> {
  const spool = await openFileSpool({
    ...{ dataDir, disk: systemDisk, clock: systemClock, random, segmentBytes: SEGMENT_BYTES },
    ...{ maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, tailBytes: 8 * 1024 },
    owner: { release: async () => {} },
  });
  const routes = await openRoutes({ disk: systemDisk, random, dataDir, offsets: () => spool.state });
  const entry = await routes.register({ name: SINK, type: "scripted", destination: "/" });
  mark({ registered: SINK, place: entry.place, firstOffset: entry.firstOffset });
  const route = await openSinkRoute(spool, entry.place, entry.firstOffset);
  const lease = await spool.lease(ROUTE, 0);

  await work(spool, lease, route);
  if (options.ends === "killed") return die(spool);
  await route.close();
  await routes.close();
  await spool.close();
}

async function work(spool: FileSpool, lease: Lease, route: Route): Promise<void> {
  const producers = Array.from({ length: PRODUCERS }, (_, producer) => produce(spool, producer));
  for (let turn = 1; turn <= options.appends; turn++) {
    await commit(spool, lease, turn % 3 === 2);
    if (turn % TURNS_PER_TRIM === 3) await spool.resting();
    if (turn % TURNS_PER_TRIM === 0) await trim(spool, lease, route);
  }
  await Promise.all(producers);
  await trim(spool, lease, route);
  await produce(spool, PRODUCERS);
}

/** As retention does it: every ledger first. */
async function trim(spool: FileSpool, lease: Lease, route: Route): Promise<void> {
  await route.sync();
  mark({ settled: route.lowOffset });
  await commit(spool, lease, true);
  const before = Math.min(route.lowOffset, spool.state.nextOffset - 10);
  mark({ trim: before });
  await spool.trim(0, before);
}

async function produce(spool: FileSpool, producer: number): Promise<void> {
  for (let index = 0; index < options.appends; index++) {
    const count = 1 + Math.floor(random.fraction() * 3);
    const ids = Array.from({ length: count }, (_, item) => `${life}-${producer}-${index}-${item}`);
    mark({ handed: ids });
    const outcomes = await spool.append(ids.map((id) => recordOf(id)));
    for (const [at, outcome] of outcomes.entries()) {
      if (outcome.status !== "appended") throw new Error(`${ids[at]} is ${outcome.status}`);
      mark({ acked: ids[at] ?? "", offset: outcome.offset });
    }
  }
}

async function commit(spool: FileSpool, lease: Lease, isDurable: boolean): Promise<void> {
  const number = ++ledgers;
  const low = spool.state.nextOffset;
  mark({ ledger: number, low });
  await spool.commit(lease, ledgerOf(number, low), isDurable);
  if (isDurable) mark({ durable: number });
}

/** The end comes while the last group is written or synced. */
function die(spool: FileSpool): void {
  const ids = [0, 1, 2, 3].map((index) => `${life}-last-${index}`);
  mark({ handed: ids });
  void spool.append(ids.map((id) => recordOf(id)));
  setImmediate(() => process.kill(process.pid, "SIGKILL"));
}

function openSinkRoute(spool: FileSpool, place: string, firstOffset: number): Promise<Route> {
  return openRoute({
    name: SINK,
    definition: { type: "scripted", limits: { events: 8, bytes: 1_000_000 }, order: "none", inFlight: 2 },
    sink: scriptedSink(),
    spool,
    place,
    firstOffset,
    openDeadLetters: (low) =>
      openDeadLetters({
        ...{ disk: systemDisk, clock: systemClock, directory: `${dataDir}/deadletters` },
        ...{ sink: SINK, place, low },
      }),
    figures: {},
    observer: { onAttempt: () => {}, onHealth: () => {}, onInFlight: () => {}, warn: () => {} },
    clock: systemClock,
    random,
  });
}

/** Rejects every seventh by its bytes; the same one every time. */
function scriptedSink(): Sink {
  const isBad = (raw: Uint8Array) => raw.length % 7 === 0;
  return {
    async send(batch) {
      mark({ taken: batch.filter(({ raw }) => !isBad(raw)).map(({ id }) => id) });
      const each = batch.map(({ raw }) =>
        isBad(raw) ? ({ status: "rejected", reason: "no" } as const) : ({ status: "delivered" } as const),
      );
      return { status: "mixed", each };
    },
    check: async () => undefined,
    close: async () => {},
  };
}

function mark(said: Mark): void {
  writeSync(marks, `${JSON.stringify(said)}\n`);
}
