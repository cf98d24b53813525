import { ManualClock, type MemoryDisk, seededRandom } from "@sluice/sdk/internal";
import {
  type DeadLetters,
  openDeadLetters,
} from "../../../packages/sluice/src/dispatch/dead-letters/dead-letters.ts";
import { takeLedger } from "../../../packages/sluice/src/dispatch/ledger/take-ledger.ts";
import { openRoutes } from "../../../packages/sluice/src/dispatch/route-registry.ts";
import { type FileSpool, openFileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";
import type { SpoolRecord } from "../../../packages/sluice/src/spool/spool.ts";
import { readAll } from "../../../packages/sluice/src/testing/spool-fixture.ts";
import { openVerification } from "../../../packages/sluice/src/verify.ts";
import type { Knowledge } from "./crash-states-knowledge.ts";
import { ledgerOf, ROUTE, recordOf, SEGMENT_BYTES, SINK } from "./crash-states-records.ts";

/** What is appended here. */
const OURS: ReadonlySet<string> = new Set(["between", "afterwards", "afterwards again"]);

export interface Finding {
  /** What is not as promised, as sentences. */
  readonly problems: readonly string[];
  /** Records that are counted as damaged. None of them was acknowledged, or it is a problem. */
  readonly damaged: number;
}

/**
 * Opens what a power cut has left, and looks whether everything that was promised by then holds; goes on with
 * it, lets the power go again right behind the last acknowledgement, and looks again.
 */
export async function examine(disk: MemoryDisk, dataDir: string, known: Knowledge): Promise<Finding> {
  const problems: string[] = [];
  try {
    await checkBalances(disk, dataDir, known, problems);
    const spool = await openSpool(disk, dataDir);
    const damaged = spool.state.damaged;
    const last = lastOf(known);
    await checkRecords(spool, known, last, problems);
    await checkLedger(spool, known, problems);
    await checkRoute(disk, dataDir, spool, known, problems);
    const at = await goOn(spool, "afterwards", known, problems);
    await checkBalances(disk, dataDir, known, problems);
    disk.crash();

    const again = await openSpool(disk, dataDir);
    if (again.state.damaged !== damaged) problems.push(`${again.state.damaged} damaged after ${damaged}`);
    const more = { ...known, acked: new Map(known.acked).set(at, "afterwards") };
    await checkRecords(again, more, last, problems);
    await checkLedger(again, more, problems);
    await goOn(again, "afterwards again", more, problems);
    await again.close();
    return { problems, damaged };
  } catch (error) {
    return { problems: [...problems, error instanceof Error ? `${error.stack}` : String(error)], damaged: 0 };
  }
}

/**
 * A life between a kill and a power cut: recovers, stores a record and a ledger, and ends with the power
 * behind the last acknowledgement. Resolves to what is known then.
 */
export async function liveOn(disk: MemoryDisk, dataDir: string, known: Knowledge): Promise<Knowledge> {
  const spool = await openSpool(disk, dataDir);
  const routes = await openRoutes({ disk, dataDir, random: seededRandom(97), offsets: () => spool.state });
  const route = await routes.register({ name: SINK, type: "scripted", destination: "/" });
  const letters = await openLetters(disk, dataDir, route.place);
  const dead = (await readAll(spool)).filter(({ offset }) => letters.countFor(offset) !== undefined);
  const at = spool.state.nextOffset;
  await spool.append([recordOf("between")]);
  const number = Math.max(0, ...known.ledgers.keys()) + 1;
  await spool.commit(await spool.lease(ROUTE, 0), ledgerOf(number, at + 1), true);
  return {
    ...known,
    route,
    acked: new Map(known.acked).set(at, "between"),
    ledgers: new Map(known.ledgers).set(number, at + 1),
    durable: number,
    letters: new Set(dead.map(({ offset }) => offset)),
  };
}

function openSpool(disk: MemoryDisk, dataDir: string): Promise<FileSpool> {
  return openFileSpool({
    ...{ dataDir, disk, clock: new ManualClock(), random: seededRandom(99), segmentBytes: SEGMENT_BYTES },
    ...{ maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, tailBytes: 0 },
    owner: { release: async () => {} },
  });
}

/** What `sluice verify` says of it. */
async function checkBalances(
  disk: MemoryDisk,
  dataDir: string,
  known: Knowledge,
  problems: string[],
): Promise<void> {
  if (!known.route) return;
  problems.push(...(await openVerification({ dataDir, disk })).problems);
}

async function checkRecords(
  spool: FileSpool,
  known: Knowledge,
  lastRecorded: number,
  problems: string[],
): Promise<void> {
  const { firstOffset, nextOffset, damaged } = spool.state;
  if (firstOffset > known.trimmedBefore) problems.push(`it begins at ${firstOffset}: more than was trimmed`);
  const records = new Map((await readAll(spool)).map((record) => [record.offset, record]));
  const last = lastOf(known);
  if (last >= nextOffset) problems.push(`it ends at ${nextOffset}, and ${last} was acknowledged`);
  const tellsOf = nextOffset - firstOffset - records.size;
  if (tellsOf !== damaged) problems.push(`${tellsOf} records are not there, and ${damaged} count as damaged`);
  for (let offset = firstOffset; offset < nextOffset; offset++) {
    const record = records.get(offset);
    const id = known.acked.get(offset);
    if (record) checkRecord(record, id, known, problems);
    else if (id !== undefined || offset <= lastRecorded) problems.push(`offset ${offset} (${id}) is lost`);
  }
  await checkDuplicates(spool, known, problems);
}

function checkRecord(
  record: SpoolRecord,
  acked: string | undefined,
  known: Knowledge,
  problems: string[],
): void {
  const { offset, event, body } = record;
  if (acked !== undefined && event.id !== acked)
    problems.push(`${offset} is ${event.id} in place of ${acked}`);
  const isHandedOver =
    (known.handed.has(event.id) || OURS.has(event.id)) && Buffer.compare(recordOf(event.id).body, body) === 0;
  if (!isHandedOver) problems.push(`${offset} has ${body.length} bytes that nobody appended`);
}

async function checkDuplicates(spool: FileSpool, known: Knowledge, problems: string[]): Promise<void> {
  const retained = [...known.acked].filter(([offset]) => offset >= spool.state.firstOffset);
  const outcomes = await spool.append(retained.map(([, id]) => recordOf(id)));
  for (const [index, [offset, id]] of retained.entries()) {
    const outcome = outcomes[index];
    if (outcome?.status === "duplicate" && outcome.offset === offset) continue;
    problems.push(`${id} at ${offset}, appended again, is ${JSON.stringify(outcome)}`);
  }
}

async function checkLedger(spool: FileSpool, known: Knowledge, problems: string[]): Promise<void> {
  const { ledger } = await spool.lease(ROUTE, 0);
  if (!ledger) {
    if (known.durable > 0) problems.push(`the ledger is lost, and ${known.durable} was durable`);
    return;
  }
  const number = Buffer.from(ledger).readUInt32LE();
  const low = known.ledgers.get(number);
  if (number < known.durable) problems.push(`the ledger is ${number}, and ${known.durable} was durable`);
  if (low === undefined || !ledgerOf(number, low).equals(ledger))
    problems.push(`nobody stored ledger ${number}`);
  else if (low > spool.state.nextOffset) problems.push(`ledger ${number} is ahead of the data`);
}

/** The route of the sink: its place, what it has settled, and its dead letters. */
async function checkRoute(
  disk: MemoryDisk,
  dataDir: string,
  spool: FileSpool,
  known: Knowledge,
  problems: string[],
): Promise<void> {
  const routes = await openRoutes({ disk, dataDir, random: seededRandom(98), offsets: () => spool.state });
  const entry = routes.list().find(({ name }) => name === SINK);
  await routes.close();
  if (known.route && entry?.place !== known.route.place) problems.push("the route has lost its place");
  if (!entry || !known.route) return;
  const { place, firstOffset } = entry;
  const { ledger } = await takeLedger(spool, { name: SINK, place, firstOffset });
  if (ledger.low < known.settled) problems.push(`the route stands at ${ledger.low}, not ${known.settled}`);

  const letters = await openLetters(disk, dataDir, place);
  const shown = lettersIn(Buffer.from(disk.bytesOf(`${dataDir}/deadletters/${SINK}.jsonl`)).toString());
  for (const { offset, event, body } of await readAll(spool)) {
    const isDead = letters.countFor(offset) !== undefined;
    if (known.letters.has(offset) && !isDead) problems.push(`the dead letter of ${offset} is lost`);
    if (isDead && !shown.get(offset)?.includes(Buffer.from(body).toString())) {
      problems.push(`the dead letter of ${offset} counts, and does not hold the event`);
    }
    if (ledger.isSettled(offset) && !isDead && !known.taken.has(event.id)) {
      problems.push(`${offset} is settled, and neither taken by the sink nor a dead letter`);
    }
  }
  await letters.close();
}

function openLetters(disk: MemoryDisk, dataDir: string, place: string): Promise<DeadLetters> {
  const directory = `${dataDir}/deadletters`;
  return openDeadLetters({ disk, clock: new ManualClock(), directory, sink: SINK, place, low: 0 });
}

/** By offset, the lines of a dead-letter file that are JSON. */
function lettersIn(text: string): ReadonlyMap<number, string> {
  const letters = new Map<number, string>();
  for (const line of text.split("\n")) {
    try {
      letters.set(JSON.parse(line).offset, line);
    } catch {
      // Torn, or the empty end.
    }
  }
  return letters;
}

/** One record more, at the next offset. */
async function goOn(spool: FileSpool, id: string, known: Knowledge, problems: string[]): Promise<number> {
  const at = spool.state.nextOffset;
  const [outcome] = await spool.append([recordOf(id)]);
  if (outcome?.status !== "appended" || outcome.offset !== at) {
    problems.push(`the next record is ${JSON.stringify(outcome)}, and was to be at ${at}`);
  }
  if (at <= lastOf(known)) problems.push(`the next record gets offset ${at} of one that was acknowledged`);
  return at;
}

function lastOf(known: Knowledge): number {
  return Math.max(-1, ...known.acked.keys());
}
