import fc from "fast-check";
import { expect } from "vitest";
import { Received } from "../../../packages/sluice/src/spool/received.ts";
import type { AppendOutcome, NewRecord } from "../../../packages/sluice/src/spool/spool.ts";
import { aRecord, segmentPaths } from "../../../packages/sluice/src/testing/spool-fixture.ts";
import type { RealSpool } from "./model-real.ts";
import type { ModelSpool } from "./model-spool.ts";

/** What the model of one run knows beside the records. */
export interface Model {
  readonly spool: ModelSpool;
  /** The ledger of the one route, as it may be after a crash: the newest last. */
  ledgers: (string | undefined)[];
}

type Command = fc.AsyncCommand<Model, RealSpool>;

/** One record of an append: of few ids, so that duplicates and conflicts are frequent. */
interface Wanted {
  readonly id: number;
  readonly version: number;
  readonly bytes: number;
}

const ROUTE = "route";

/** Every command, and after each of them the comparison. */
export function modelCommands(commandsMax: number) {
  const wanted = fc.record({
    id: fc.oneof(fc.nat(40), fc.nat(400)),
    version: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
    bytes: fc.oneof(
      { weight: 8, arbitrary: fc.nat(900) },
      { weight: 2, arbitrary: fc.nat(4_000) },
      { weight: 1, arbitrary: fc.integer({ min: 7_000, max: 12_000 }) },
    ),
  });
  const batch = fc.array(wanted, { minLength: 1, maxLength: 12 });
  // Not a double: those are as likely in each of their thousand orders of magnitude, and so nearly always 0.
  const share = fc.nat(1_000).map((part) => part / 1_000);
  const append = batch.map((given) =>
    command(`append ${words(given)}`, (m, r) => appends(m, r, given.map(recordOf))),
  );
  const fault = fc
    .record({
      batch,
      operation: fc.constantFrom("sync", "rename", "open", "write"),
      at: fc.nat(2),
      calls: fc.integer({ min: 1, max: 3 }),
      isTriedAgain: fc.boolean(),
    })
    .map((plan) =>
      command(
        `append ${words(plan.batch)} where ${plan.operation} ${plan.at} fails ${plan.calls} times`,
        (m, r) => appendsWithFault(m, r, plan.batch, plan),
      ),
    );
  const cut = fc.record({ batch, calls: fc.integer({ min: 1, max: 12 }), isKill: fc.boolean() }).map((plan) =>
    command(
      `append ${words(plan.batch)} and ${plan.isKill ? "a kill" : "the power goes"} at call ${plan.calls}`,
      (m, r) => crashes(m, r, plan.batch, plan),
      ({ spool }) => plan.isKill || !spool.hasRefused,
    ),
  );
  const read = fc
    .record({
      from: share,
      records: fc.integer({ min: 1, max: 30 }),
      bytes: fc.integer({ min: 1, max: 6_000 }),
    })
    .map((plan) =>
      command(`read ${plan.records} or ${plan.bytes} bytes from ${plan.from}`, (m, r) => reads(m, r, plan)),
    );
  const commit = fc
    .record({ size: fc.nat(6_000), isDurable: fc.boolean() })
    .map(({ size, isDurable }) =>
      command(`commit ${size} bytes${isDurable ? " durably" : ""}`, (m, r) => commits(m, r, size, isDurable)),
    );
  const trim = share.map((part) => command(`trim ${part}`, (m, r) => trims(m, r, part)));
  const corrupt = fc
    .record({ which: share, at: share, bit: fc.nat(7) })
    .map((plan) =>
      command(`flip bit ${plan.bit} at ${plan.at} of record ${plan.which}`, (m, r) => corrupts(m, r, plan)),
    );
  const idle = fc.constant(command("idle", (_, { clock }) => clock.advance(20)));
  const reopen = fc.constant(command("reopen", reopens));
  return fc.commands(
    [append, append, append, append, fault, cut, read, commit, trim, corrupt, idle, reopen].map((one) => one),
    { maxCommands: commandsMax, size: "max" },
  );
}

function command(
  name: string,
  act: (model: Model, real: RealSpool) => Promise<void>,
  check = (_model: Readonly<Model>): boolean => true,
): Command {
  return {
    check,
    async run(model, real) {
      await act(model, real);
      await real.compare(model.spool);
    },
    toString: () => name,
  };
}

async function appends({ spool: model }: Model, real: RealSpool, given: readonly NewRecord[]): Promise<void> {
  const outcomes = await real.spool.append(given);
  if (model.isSure) {
    expect(outcomes).toEqual(model.append(given));
    return;
  }
  checkUnsure(model, given, outcomes);
  expect(outcomes.filter(({ status }) => status === "failed" || status === "full")).toEqual([]);
  model.appendUnsure(given, outcomes);
  model.learn(real.spool.segments.map(({ firstOffset }) => firstOffset));
  if (outcomes.some(({ status }) => status === "appended")) model.isSureAgain();
}

interface FaultPlan {
  readonly operation: string;
  readonly at: number;
  readonly calls: number;
  /** The source sends the same once more when the disk is well. */
  readonly isTriedAgain: boolean;
}

async function appendsWithFault(
  known: Model,
  real: RealSpool,
  batch: readonly Wanted[],
  { operation, at, calls, isTriedAgain }: FaultPlan,
): Promise<void> {
  const { spool: model } = known;
  const given = batch.map(recordOf);
  real.hadFaults = true;
  real.life.fail(operation as "sync", at, calls);
  const outcomes = await real.spool.append(given);
  real.life.heal();
  // Beyond the longest pause that a writer makes after a failure.
  await real.clock.advance(10_000);
  checkUnsure(model, given, outcomes);
  model.appendUnsure(given, outcomes);
  if (!isTriedAgain) return;
  await real.compare(model);
  await appends(known, real, given);
}

/** Every record is a duplicate, a conflict, new with the next offset, or not stored, and says so. */
function checkUnsure(
  model: ModelSpool,
  given: readonly NewRecord[],
  outcomes: readonly AppendOutcome[],
): void {
  let next = model.nextOffset;
  const fresh = new Map<string, { offset: number; crc: number }>();
  for (const [index, { id, received }] of given.entries()) {
    const outcome = outcomes[index];
    const stored = model.known(id);
    const known = stored ? { offset: stored.offset, crc: stored.record.received.crc } : fresh.get(id);
    if (outcome?.status === "failed" || outcome?.status === "full") continue;
    if (known) {
      const status = known.crc === received.crc ? "duplicate" : "conflict";
      expect(outcome).toEqual({ status, offset: known.offset });
      continue;
    }
    expect(outcome).toEqual({ status: "appended", offset: next });
    fresh.set(id, { offset: next++, crc: received.crc });
  }
}

async function crashes(
  model: Model,
  real: RealSpool,
  batch: readonly Wanted[],
  { calls, isKill }: { readonly calls: number; readonly isKill: boolean },
): Promise<void> {
  const { spool } = model;
  const given = batch.map(recordOf);
  const ended = real.life.endIn(calls);
  const outcomes = await Promise.race([real.spool.append(given), ended]);
  real.life.end();
  real.hadFaults = true;
  if (!isKill) real.memory.crash(real.random);
  if (outcomes) {
    checkUnsure(spool, given, outcomes);
    spool.appendUnsure(given, outcomes);
  }
  const damagedBefore = spool.damaged;
  await real.open();
  const contents = await real.contents();
  const { nextOffset, damaged } = real.spool.state;
  const fresh = freshOf(spool, outcomes ? [] : given);
  expect(nextOffset).toBeLessThanOrEqual(spool.nextOffset + fresh.length);
  expect(nextOffset).toBeGreaterThanOrEqual(spool.nextOffset);
  spool.adopt(fresh, (offset) => contents.has(offset), nextOffset);
  expect(damaged - damagedBefore).toBe(spool.damaged - damagedBefore);
  spool.reopen();
  await checkLedger(model, real);
}

/** Records that are no duplicates, neither of what is there nor of one another. */
function freshOf(model: ModelSpool, given: readonly NewRecord[]): readonly NewRecord[] {
  const seen = new Set<string>();
  return given.filter(({ id }) => {
    const isNew = !seen.has(id) && !model.known(id);
    seen.add(id);
    return isNew;
  });
}

async function reads(
  { spool: model }: Model,
  real: RealSpool,
  { from, records, bytes }: { readonly from: number; readonly records: number; readonly bytes: number },
): Promise<void> {
  const start = Math.floor(from * (model.nextOffset + 1));
  const found = await real.read(start, records, bytes);
  const expected: number[] = [];
  let size = 0;
  for (const { offset, record } of model.records.filter(({ offset }) => offset >= start)) {
    size += record.body.length;
    if (expected.length > 0 && (expected.length === records || size > bytes)) break;
    expected.push(offset);
  }
  // A read may give less than it could, and never more, and always the next.
  expect(found.map(({ offset }) => offset)).toEqual(
    expected.slice(0, Math.max(found.length, Math.min(1, expected.length))),
  );
}

async function commits(model: Model, real: RealSpool, size: number, isDurable: boolean): Promise<void> {
  const lease = await real.spool.lease(ROUTE, 0);
  expect(textOf(lease.ledger)).toBe(model.ledgers.at(-1));
  // What is left of one must not complete what is left of another: no two in a row are of the same letters.
  const letter = String.fromCharCode(97 + (size % 26));
  const text = `${model.ledgers.length}:${letter.repeat(size)}`;
  expect(await real.spool.commit(lease, Buffer.from(text), isDurable)).toBe(true);
  model.ledgers = isDurable ? [text] : [...model.ledgers, text];
}

async function trims(known: Model, real: RealSpool, part: number): Promise<void> {
  const { spool: model } = known;
  const oldest = model.records[0]?.record;
  const before = Math.floor(model.firstOffset + part * (model.nextOffset - model.firstOffset));
  await real.spool.trim(0, before);
  model.trim(before);
  // What is gone is forgotten, and the first that is kept is not.
  const kept = model.records[0]?.record;
  await appends(
    known,
    real,
    [oldest, kept].filter((record) => record !== undefined),
  );
}

async function reopens(model: Model, real: RealSpool): Promise<void> {
  await real.spool.close();
  await real.open();
  model.spool.reopen();
  await checkLedger(model, real);
}

/** One bit of a record at rest: it is lost, its neighbours are not, and the spool can say how many. */
async function corrupts(
  model: Model,
  real: RealSpool,
  { which, at, bit }: { readonly which: number; readonly at: number; readonly bit: number },
): Promise<void> {
  const { records } = model.spool;
  const record = records[Math.floor(which * (records.length - 1))];
  if (!record) return;
  await real.spool.close();
  const { path, position } = placeOf(real, record.record.body);
  const bytes = Uint8Array.from(real.memory.bytesOf(path));
  const hit = position + Math.floor(at * (HEADER_BYTES + record.record.body.length - 1));
  bytes[hit] = (bytes[hit] ?? 0) ^ (1 << bit);
  real.memory.put(path, bytes);
  model.spool.damage(record);
  await real.open();
  model.spool.reopen();
}

const HEADER_BYTES = 64;

/** The newest file that holds the record: an older one may be what was left of a segment that failed. */
function placeOf({ memory }: RealSpool, body: Uint8Array): { path: string; position: number } {
  for (const path of segmentPaths(memory).toReversed()) {
    const at = Buffer.from(memory.bytesOf(path)).lastIndexOf(Buffer.from(body));
    if (at >= 0) return { path, position: at - HEADER_BYTES };
  }
  throw new Error("a record of the model is in no segment");
}

async function checkLedger(model: Model, real: RealSpool): Promise<void> {
  const found = textOf((await real.spool.lease(ROUTE, 0)).ledger);
  expect(model.ledgers).toContain(found);
  model.ledgers = [found];
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString();
}

function recordOf({ id, version, bytes }: Wanted): NewRecord {
  const event = { id: `e-${id}`, kind: "note", time: "2026-01-01T00:00:00.000Z", data: { version, bytes } };
  const body = Buffer.from(JSON.stringify({ ...event, words: "x".repeat(bytes) }));
  return aRecord(id, { id: event.id, body, received: new Received(body) });
}

function words(batch: readonly Wanted[]): string {
  return batch.map(({ id, version, bytes }) => `${id}${version > 0 ? "'" : ""}(${bytes})`).join(" ");
}
