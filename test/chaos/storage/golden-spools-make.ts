import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ManualClock, MemoryDisk, seededRandom } from "@sluice/sdk/internal";
import { openDeadLetters } from "../../../packages/sluice/src/dispatch/dead-letters/dead-letters.ts";
import { PendingEvent } from "../../../packages/sluice/src/dispatch/delivery/pending-event.ts";
import { Ledger } from "../../../packages/sluice/src/dispatch/ledger/ledger.ts";
import { encodeLedger } from "../../../packages/sluice/src/dispatch/ledger/ledger-codec.ts";
import { openRoutes } from "../../../packages/sluice/src/dispatch/route-registry.ts";
import type { FileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";
import {
  aRecord,
  openTestSpool,
  readAll,
  segmentPaths,
  someRecords,
  TEST_DATA_DIR,
} from "../../../packages/sluice/src/testing/spool-fixture.ts";
import { factsOf, GOLDEN_DIRECTORY, type GoldenSpool, packedFilesOf, sha1 } from "./golden-spools.ts";

/**
 * Makes the golden spools of today's format:
 *
 *   node --conditions=sluice-source test/chaos/storage/golden-spools-make.ts 2
 *
 * with the number of the format, which must be a new one. What is expected of each is what the version that
 * wrote it knew before anything went wrong.
 */
const format = process.argv[2];
if (!format) throw new Error("Say which format: golden-spools-make.ts NUMBER");
const target = join(GOLDEN_DIRECTORY, `format-${format}`);
mkdirSync(target, { recursive: true });

const SMALL = { segmentBytes: 8 * 1024 };
type Facts = Omit<GoldenSpool, "files">;

await clean();
await tornTail();
await zerosAhead();
await damagedRecord();
await staleSpare();
await trimmed();
await withRoutes();

/** Stopped as it should be. */
async function clean(): Promise<void> {
  const { disk, spool } = await filled();
  const facts = await factsOfSpool(spool);
  await spool.close();
  save("clean", disk, facts);
}

/** The power went while a group was written: only the beginning of its first record reached the disk. */
async function tornTail(): Promise<void> {
  const { disk, spool } = await filled();
  const facts = await factsOfSpool(spool);
  const last = segmentPaths(disk).at(-1) ?? "";
  await spool.append([aRecord(900), aRecord(901)]);
  const bytes = Uint8Array.from(disk.bytesOf(last));
  bytes.fill(0, Buffer.from(bytes).indexOf('"event-900"'));
  disk.crash();
  disk.put(last, bytes);
  save("torn-tail", disk, facts);
}

/** Killed while zeros stood behind the last record. */
async function zerosAhead(): Promise<void> {
  const { disk, spool } = await filled();
  await spool.resting();
  save("zeros-ahead", disk, await factsOfSpool(spool));
}

/** A sector went bad in the middle of the log. */
async function damagedRecord(): Promise<void> {
  const { disk, spool } = await filled();
  const facts = await factsOfSpool(spool);
  await spool.close();
  const [first = ""] = segmentPaths(disk);
  const bytes = Uint8Array.from(disk.bytesOf(first));
  const at = Buffer.from(bytes).indexOf('"event-7"');
  bytes.fill(0xee, at, at + 5);
  disk.put(first, bytes);
  save("damaged-record", disk, {
    ...facts,
    damaged: 1,
    records: facts.records.filter(([, id]) => id !== "event-7"),
  });
}

/** Killed while the next segment was made: it has a header, and not its name. */
async function staleSpare(): Promise<void> {
  const { disk, spool } = await filled();
  const facts = await factsOfSpool(spool);
  const [first = ""] = segmentPaths(disk);
  disk.put(`${TEST_DATA_DIR}/spool/spare`, disk.bytesOf(first));
  disk.crash();
  save("stale-spare", disk, facts);
}

/** The oldest segments are gone, and a ledger is stored three times. */
async function trimmed(): Promise<void> {
  const { disk, spool } = await filled();
  const lease = await spool.lease("file", 0);
  for (const text of ["one", "two", "three"]) await spool.commit(lease, Buffer.from(text), text !== "three");
  await spool.trim(0, 100);
  const facts = await factsOfSpool(spool);
  await spool.close();
  save("trimmed", disk, { ...facts, ledgers: { file: sha1(Buffer.from("three")) } });
}

/** Everything that the routes of two sinks leave: routes.json, ledgers, dead letters. */
async function withRoutes(): Promise<void> {
  const { disk, spool } = await filled();
  const random = seededRandom(7);
  const routes = await openRoutes({ disk, random, dataDir: TEST_DATA_DIR, offsets: () => spool.state });
  const sinks: Record<string, readonly [number, number]> = {};
  const ledgers: Record<string, string> = {};
  for (const [name, low] of [
    ["file", 90],
    ["hooks", 40],
  ] as const) {
    const { place, firstOffset } = await routes.register({ name, type: "scripted", destination: name });
    const ledger = new Ledger(firstOffset);
    ledger.settle(0, low, { status: "delivered" });
    ledger.settle(low + 2, low + 3, { status: "deadLettered" });
    ledger.settle(low + 5, low + 6, { status: "skipped", reason: "filtered" });
    ledger.wait(low, { attempt: 2, nextTryMs: Date.UTC(2026, 0, 2) });
    await writeLetter(disk, spool, name, place, low + 2);
    const bytes = encodeLedger(ledger, place);
    await spool.commit(await spool.lease(name, 0), bytes, true);
    ledgers[name] = sha1(bytes);
    sinks[name] = [ledger.delivered, ledger.deadLettered];
  }
  await routes.close();
  const facts = await factsOfSpool(spool);
  await spool.close();
  save("routes", disk, { ...facts, ledgers, sinks });
}

async function writeLetter(
  disk: MemoryDisk,
  spool: FileSpool,
  sink: string,
  place: string,
  offset: number,
): Promise<void> {
  const directory = `${TEST_DATA_DIR}/deadletters`;
  const letters = await openDeadLetters({ disk, clock: new ManualClock(), directory, sink, place, low: 0 });
  const [record] = await spool.read(0, offset, { records: 1, bytes: 1 }, new AbortController().signal);
  if (!record) throw new Error(`there is no record ${offset}`);
  const items = [new PendingEvent(record, 0, 0)];
  await letters.append([{ items, dead: 1, reason: "rejected", words: "no" }]);
  await letters.close();
}

/** 110 records in several segments, one of them larger than a sector. */
async function filled(): Promise<{ readonly disk: MemoryDisk; readonly spool: FileSpool }> {
  const disk = new MemoryDisk();
  const spool = await openTestSpool(disk, SMALL);
  const large = { id: "event-105", kind: "custom", time: "2026-01-01T00:00:00.000Z", text: "é".repeat(700) };
  for (let from = 0; from < 105; from += 5) await spool.append(someRecords(from, 5));
  await spool.append([aRecord(105, { body: Buffer.from(JSON.stringify(large)), runId: "run", flags: 1 })]);
  await spool.append(someRecords(106, 4));
  return { disk, spool };
}

async function factsOfSpool(spool: FileSpool): Promise<Facts> {
  const { firstOffset, nextOffset, damaged } = spool.state;
  const records = (await readAll(spool)).map(factsOf);
  return { firstOffset, nextOffset, damaged, records, ledgers: {}, sinks: {} };
}

function save(name: string, disk: MemoryDisk, facts: Facts): void {
  const golden: GoldenSpool = { ...facts, files: packedFilesOf(disk) };
  writeFileSync(join(target, `${name}.json`), `${JSON.stringify(golden)}\n`, { flag: "wx" });
}
