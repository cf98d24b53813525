import { ManualClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { readSpool } from "../../../packages/sluice/src/spool/file/inspect.ts";
import { type FileSpool, openFileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";
import type { SpoolRecord } from "../../../packages/sluice/src/spool/spool.ts";
import { type Oracle, readOracle } from "./oracle.ts";
import { bytesOf, ledgerOf, numberOf, ROUTES, recordOf } from "./plan.ts";
import { SEGMENT_BYTES } from "./work.ts";

export interface Allowance {
  /**
   * Records that were never acknowledged may be counted as damaged: of a group that was torn in the middle,
   * what is whole behind that is kept.
   */
  readonly damage?: boolean;
}

/**
 * What is wrong with a data dir by what the workload's oracle knows, as sentences; none if every promise
 * held. Opens the spool, and goes on with it: afterwards it holds one record more.
 */
export async function problemsOf(
  dataDir: string,
  oraclePath: string,
  allowance?: Allowance,
): Promise<readonly string[]> {
  return problemsBy(dataDir, readOracle(oraclePath), allowance);
}

export async function problemsBy(
  dataDir: string,
  oracle: Oracle,
  { damage: mayHaveDamage = false }: Allowance = {},
): Promise<readonly string[]> {
  const problems: string[] = [...oracle.wrong];
  if (!mayHaveDamage) await checkSurvey(dataDir, problems);
  let spool: FileSpool;
  try {
    spool = await openSpool(dataDir);
  } catch (error) {
    return [...problems, `the spool does not open: ${error}`];
  }
  const { damaged } = spool.state;
  if (damaged > 0 && !mayHaveDamage) problems.push(`${damaged} records are counted as damaged`);
  try {
    const records = await readAll(spool);
    checkRecords(spool, records, oracle, problems);
    await checkLedgers(spool, oracle, problems);
    await checkDuplicates(spool, records, oracle, problems);
    await checkGoesOn(spool, problems);
  } catch (error) {
    problems.push(`the spool does not work: ${error}`);
  } finally {
    await spool.close();
  }
  if (!mayHaveDamage) await checkSurvey(dataDir, problems);
  return problems;
}

function openSpool(dataDir: string): Promise<FileSpool> {
  const clock = new ManualClock();
  return openFileSpool({
    ...{ dataDir, disk: systemDisk, clock, random: systemRandom, segmentBytes: SEGMENT_BYTES },
    ...{ maxBytes: 64 * 1024 * 1024, minFreeBytes: 0 },
  });
}

async function readAll(spool: FileSpool): Promise<readonly SpoolRecord[]> {
  const { firstOffset, nextOffset } = spool.state;
  const never = new AbortController().signal;
  const all: SpoolRecord[] = [];
  for (let at = firstOffset; at < nextOffset; at = (all.at(-1)?.offset ?? nextOffset) + 1) {
    all.push(...(await spool.read(0, at, { records: 1_000, bytes: 4_000_000 }, never)));
  }
  return all;
}

/** What `sluice verify` would say of the spool: before recovery a tail may be torn, damage is none. */
async function checkSurvey(dataDir: string, problems: string[]): Promise<void> {
  try {
    const { damaged } = await readSpool(dataDir, systemDisk);
    if (damaged > 0) problems.push(`a survey finds ${damaged} damaged records`);
  } catch (error) {
    problems.push(`the spool cannot be surveyed: ${error}`);
  }
}

function checkRecords(
  spool: FileSpool,
  records: readonly SpoolRecord[],
  oracle: Oracle,
  problems: string[],
): void {
  const { firstOffset, nextOffset, damaged } = spool.state;
  if (firstOffset > oracle.trimmedBefore) {
    problems.push(`the first offset is ${firstOffset}, and was to be ${oracle.trimmedBefore} at the most`);
  }
  if (records.length !== nextOffset - firstOffset - damaged) {
    const range = `from ${firstOffset} to below ${nextOffset}`;
    problems.push(`${records.length} records can be read ${range}, and ${damaged} are counted as damaged`);
  }
  const found = new Map(records.map((record) => [record.offset, record.body]));
  if (found.size !== records.length) problems.push("an offset is read twice");
  for (const [offset, record] of oracle.acked) {
    const body = found.get(offset);
    if (body ? bytesOf(record).equals(body) : offset < firstOffset) continue;
    const { id, bytes } = record;
    problems.push(`offset ${offset} was acknowledged as ${id} of ${bytes} bytes, and is not there`);
  }
  const intended = intendedBodies(oracle);
  for (const { offset, body } of records) {
    if (!intended.has(keyOf(body)))
      problems.push(`offset ${offset} holds ${body.length} bytes nobody appended`);
  }
}

function intendedBodies(oracle: Oracle): ReadonlySet<string> {
  const bodies = new Set<string>();
  for (const [id, sizes] of oracle.intended) {
    for (const bytes of sizes) bodies.add(keyOf(bytesOf({ id, bytes })));
  }
  return bodies;
}

function keyOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
}

async function checkLedgers(spool: FileSpool, oracle: Oracle, problems: string[]): Promise<void> {
  for (const route of ROUTES) {
    const lease = await spool.lease(route, 0);
    const durable = oracle.durable.get(route) ?? 0;
    const number = numberOf(lease.ledger);
    const bytes = oracle.ledgers.get(route)?.get(number);
    if (number < durable) problems.push(`${route} has ledger ${number}, and ${durable} was durable`);
    if (!lease.ledger) continue;
    if (bytes === undefined || !ledgerOf(route, number, bytes).equals(lease.ledger)) {
      problems.push(`${route} has a ledger ${number} that nobody stored`);
    }
    const isStored = await spool.commit(lease, ledgerOf(route, number + 1, 100), true);
    if (!isStored) problems.push(`${route} cannot store a ledger`);
  }
}

/** Every retained record that was acknowledged is known: appended again, it is a duplicate of itself. */
async function checkDuplicates(
  spool: FileSpool,
  records: readonly SpoolRecord[],
  oracle: Oracle,
  problems: string[],
): Promise<void> {
  const firstOffset = records[0]?.offset ?? 0;
  const retained = [...oracle.acked].filter(([offset]) => offset >= firstOffset);
  const outcomes = await spool.append(retained.map(([, record]) => recordOf(record)));
  for (const [index, [offset, { id }]] of retained.entries()) {
    const outcome = outcomes[index];
    if (outcome?.status === "duplicate" && outcome.offset === offset) continue;
    problems.push(`${id} at ${offset}, appended again, is ${JSON.stringify(outcome)}`);
  }
}

async function checkGoesOn(spool: FileSpool, problems: string[]): Promise<void> {
  const record = { id: "afterwards", bytes: 100 };
  const at = spool.state.nextOffset;
  const [outcome] = await spool.append([recordOf(record)]);
  if (outcome?.status !== "appended" || outcome.offset !== at) {
    problems.push(`the next record is ${JSON.stringify(outcome)}, and was to be at ${at}`);
    return;
  }
  const limit = { records: 1, bytes: 1_000_000 };
  const [found] = await spool.read(0, at, limit, new AbortController().signal);
  if (!found || !bytesOf(record).equals(found.body)) problems.push("the next record cannot be read");
}
