import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { EVENT_BYTES, newBatches } from "./append-events.ts";
import { installLmdb, openLmdb, openRaw, openSluice, openSqlite, type Store } from "./append-stores.ts";
import { compare, type Measurement } from "./measure.ts";

/**
 * Durable appends of events of 2.1 KB, one call at a time, and reading them back. The limit is what the
 * machine can write and sync (append-stores.ts); SQLite and LMDB store the same bodies in the same batches,
 * as durably, and look for no duplicates. A round is some slices of every contestant, in an order that is
 * drawn for each slice, so that what else the machine does meets all of them; a ratio is the median of the
 * rounds' ratios.
 */
const ROUNDS = 21;
const SLICES = 6;
/** Short enough that a round sees the same machine, long enough that switching sides does not show. */
const CASES = [
  { batch: 256, calls: 4 },
  { batch: 1, calls: 100 },
] as const;
/**
 * Reading back comes in fewer and longer slices, as many events in all: the spool reads a megabyte ahead, and
 * in a short slice half of what it hands out would have been read in somebody else's time.
 */
const READ_SLICES = 2;
const READ_BATCHES = 12;
/** Within this a read ahead is done. */
const READ_AHEAD_MS = 3;
/** A spool lives for weeks: its buffers have been touched and its index has grown before it is measured. */
const WARM_UP_ROUNDS = 3;

const BACKLOG_SHORT = 1_000;
const BACKLOG_LONG = 1_000_000;
/** Headers, segments' heads, ledgers: what an event may take on the disk beside its payload. */
const OVERHEAD_BYTES_MAX = 72;

export async function* cases(): AsyncIterable<Measurement> {
  const scratch = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  try {
    yield* againstOthers(scratch);
    yield* alongBacklog(scratch);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function* againstOthers(scratch: string): AsyncIterable<Measurement> {
  const lmdb = installLmdb(scratch);
  for (const { batch, calls } of CASES) {
    const sluice = await openSluice(join(scratch, `sluice-${batch}`));
    const raw = openRaw(join(scratch, `raw-${batch}`));
    const others: Readonly<Record<string, Store>> = {
      SQLite: openSqlite(join(scratch, `sqlite-${batch}`)),
      ...(lmdb && { LMDB: openLmdb(lmdb, join(scratch, `lmdb-${batch}`)) }),
    };
    const stores = { sluice, raw, ...others };
    const appended = await measure(stores, batch * calls, () => {
      const batches = newBatches(calls, batch);
      return async (store) => {
        for (const records of batches) await store.append(records);
      };
    });
    const title = `durable, batch ${batch}`;
    yield compare(title, "events/s", appended("sluice"), appended("raw"));
    for (const name of Object.keys(others)) {
      yield compare(`${title}, against ${name}`, "events/s", appended("sluice"), appended(name));
    }

    if (batch > 1) {
      const read = await measureReads({ sluice, ...others }, batch);
      const reading = `read and settle, a place stored every ${batch}`;
      for (const name of Object.keys(others)) {
        yield compare(`${reading}, against ${name}`, "events/s", read("sluice"), read(name));
      }
    }
    for (const store of Object.values(stores)) await store.close();
  }
}

/** Does an event cost the same whatever lies in the log? And what does it take there? */
async function* alongBacklog(scratch: string): AsyncIterable<Measurement> {
  const batch = 256;
  const short = await openSluice(join(scratch, "short"));
  const long = await openSluice(join(scratch, "long"));
  for (const [store, backlog] of [
    [short, BACKLOG_SHORT],
    [long, BACKLOG_LONG],
  ] as const) {
    while (store.spool.state.nextOffset < backlog) await store.append(newBatches(1, 1_000)[0] ?? []);
  }
  const stores = { short, long };
  const calls = 4;
  const appended = await measure(stores, batch * calls, () => {
    const batches = newBatches(calls, batch);
    return async (store) => {
      for (const records of batches) await store.append(records);
    };
  });
  const microseconds = (rates: readonly number[]) => rates.map((rate) => 1_000_000 / rate);
  const title = `with a backlog of ${BACKLOG_LONG} events, against ${BACKLOG_SHORT}`;
  yield compare(
    `append ${title}`,
    "us/event",
    microseconds(appended("long")),
    microseconds(appended("short")),
  );

  // What is read lies far apart: the short one's beginning, and the middle of the long one.
  long.position = BACKLOG_LONG / 2;
  const read = await measureReads(stores, batch);
  yield compare(
    `read and settle ${title}`,
    "us/event",
    microseconds(read("long")),
    microseconds(read("short")),
  );

  const { bytes, nextOffset } = long.spool.state;
  const overhead = (bytes + ledgerBytes(join(scratch, "long"))) / nextOffset - EVENT_BYTES;
  yield compare("bytes on the disk beside the payload", "bytes/event", [overhead], [OVERHEAD_BYTES_MAX]);
  for (const store of Object.values(stores)) await store.close();
}

/** Ledgers and the tally. The zeros ahead, at most 8 MiB however long the log is, are not counted. */
function ledgerBytes(dataDir: string): number {
  const ledgers = readdirSync(join(dataDir, "ledgers")).map((name) => join(dataDir, "ledgers", name));
  return [...ledgers, join(dataDir, "spool/tally")].reduce((sum, path) => sum + statSync(path).size, 0);
}

/** A store must hold as many events as are read: READ_SLICES * READ_BATCHES * `batch` a round. */
function measureReads(
  stores: Readonly<Record<string, Store>>,
  batch: number,
): Promise<(name: string) => readonly number[]> {
  const run = async (store: Store) => {
    for (let count = 0; count < READ_BATCHES; count++) await store.settle(batch);
  };
  return measure(stores, batch * READ_BATCHES, () => run, READ_SLICES);
}

/** Events per second of each contestant, one figure a round. */
async function measure(
  stores: Readonly<Record<string, Store>>,
  eventsPerSlice: number,
  prepare: () => (store: Store) => Promise<void>,
  slices = SLICES,
): Promise<(name: string) => readonly number[]> {
  const contestants = Object.entries(stores).map(([name, store]) => ({
    name,
    store,
    elapsedMs: 0,
    rates: [] as number[],
  }));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const contestant of contestants) contestant.elapsedMs = 0;
    for (let slice = 0; slice < slices; slice++) {
      const run = prepare();
      // Nobody pays for what was made before, and nobody's background work falls into another's time.
      globalThis.gc?.();
      for (const { store } of contestants) await store.resting();
      for (const contestant of contestants.toSorted(() => Math.random() - 0.5)) {
        await setTimeout(READ_AHEAD_MS);
        const start = performance.now();
        await run(contestant.store);
        contestant.elapsedMs += performance.now() - start;
      }
    }
    for (const { rates, elapsedMs } of round < 0 ? [] : contestants) {
      rates.push((eventsPerSlice * slices * 1_000) / elapsedMs);
    }
  }
  return (name) => contestants.find((contestant) => contestant.name === name)?.rates ?? [];
}
