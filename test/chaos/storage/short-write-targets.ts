import { readFileSync } from "node:fs";
import { ManualClock, seededRandom, systemDisk } from "@sluice/sdk/internal";
import type { DeadLetter } from "../../../packages/sluice/src/dispatch/dead-letters/dead-letter.ts";
import { openDeadLetters } from "../../../packages/sluice/src/dispatch/dead-letters/dead-letters.ts";
import { PendingEvent } from "../../../packages/sluice/src/dispatch/delivery/pending-event.ts";
import { openTwoSlots, readTwoSlots } from "../../../packages/sluice/src/dispatch/two-slots.ts";
import { fileSink } from "../../../packages/sluice/src/sinks/file/sink.ts";
import { readSpool } from "../../../packages/sluice/src/spool/file/inspect.ts";
import { type FileSpool, openFileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";
import { PatientAppends } from "./answered.ts";
import { bytesOf, recordOf } from "./plan.ts";
import { SEGMENT_BYTES } from "./work.ts";

/** Something that is written to a file in groups, the n-th of which is known from its number. */
export interface ShortWriteTarget {
  /** What the path of its file holds. */
  readonly path: string;
  /** Which of the writes of a group is cut short: its only one, unless it says another. */
  readonly at?: number;
  /** True if the group was taken. */
  write(number: number): Promise<boolean>;
  /** What is wrong with the files if the groups below `count` were taken, also while the disk is full. */
  problems(count: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

const clock = new ManualClock();

/** By name; each works in a directory of its own. */
export const TARGETS: Readonly<Record<string, (directory: string) => Promise<ShortWriteTarget>>> = {
  "the spool": spoolTarget,
  "a ledger": (directory) => ledgerTarget(directory, () => "route"),
  // Zeros come first.
  "a new ledger": (directory) => ledgerTarget(directory, (number) => `route ${number}`, 2),
  "routes.json": twoSlotsTarget,
  "dead letters": deadLetterTarget,
  "the file sink": fileSinkTarget,
};

function openSpool(dataDir: string): Promise<FileSpool> {
  return openFileSpool({
    ...{ dataDir, clock, disk: systemDisk, random: seededRandom(1), segmentBytes: SEGMENT_BYTES },
    ...{ maxBytes: 64 * 1024 * 1024, minFreeBytes: 0 },
  });
}

const RECORDS = 3;

async function spoolTarget(dataDir: string): Promise<ShortWriteTarget> {
  const spool = await openSpool(dataDir);
  const appends = new PatientAppends(spool);
  const planned = (number: number) =>
    Array.from({ length: RECORDS }, (_, index) => ({ id: `${number}-${index}`, bytes: 20 + 10 * index }));
  return {
    path: `${dataDir}/spool/`,
    async write(number) {
      await clock.advance(6_000);
      const outcomes = await appends.append(planned(number).map(recordOf));
      return outcomes.every(({ status }) => status === "appended");
    },
    async problems(count) {
      const { damaged, records } = await readSpool(dataDir, systemDisk);
      const wanted = Array.from({ length: count }, (_, number) => planned(number).map(bytesOf)).flat();
      const found: Buffer[] = [];
      for await (const { body } of records()) found.push(Buffer.from(body));
      if (damaged > 0) return [`${damaged} records are damaged`];
      return difference(wanted.map(String), found.map(String));
    },
    close: () => spool.close(),
  };
}

async function ledgerTarget(
  dataDir: string,
  routeOf: (number: number) => string,
  at = 1,
): Promise<ShortWriteTarget> {
  const spool = await openSpool(dataDir);
  const contentOf = (number: number) => bytesOf({ id: `ledger ${number}`, bytes: 100 });
  return {
    path: `${dataDir}/ledgers/`,
    at,
    async write(number) {
      const lease = await spool.lease(routeOf(number), 0);
      return spool.commit(lease, contentOf(number), true).catch(() => false);
    },
    async problems(count) {
      if (count === 0) return [];
      const { ledgers } = await readSpool(dataDir, systemDisk);
      return difference([String(contentOf(count - 1))], [String(ledgers.get(routeOf(count - 1)))]);
    },
    close: () => spool.close(),
  };
}

async function twoSlotsTarget(directory: string): Promise<ShortWriteTarget> {
  const path = `${directory}/routes.json`;
  const slots = await openTwoSlots(systemDisk, path, 4096);
  const contentOf = (number: number) => bytesOf({ id: `routes ${number}`, bytes: 300 });
  return {
    path,
    write: (number) => slots.write(contentOf(number)).then(isTrue, isFalse),
    async problems(count) {
      if (count === 0) return [];
      const found = await readTwoSlots(systemDisk, path, 4096);
      return difference([String(contentOf(count - 1))], [String(found && Buffer.from(found))]);
    },
    close: () => slots.close(),
  };
}

async function deadLetterTarget(directory: string): Promise<ShortWriteTarget> {
  const place = "0".repeat(32);
  const disk = systemDisk;
  const letters = await openDeadLetters({ disk, clock, directory, sink: "sink", place, low: 0 });
  const path = `${directory}/sink.jsonl`;
  return {
    path,
    write: async (number) => (await letters.append([letterOf(number)])) === "written",
    problems: async (count) => difference(namesBelow(count), namesIn(path)),
    close: () => letters.close(),
  };
}

function letterOf(number: number): DeadLetter {
  const { event, raw } = outgoingOf(number);
  const record = { offset: number, kindCode: 0, flags: 0, runKey: 0, orderKey: 0, body: raw, event };
  return { items: [new PendingEvent(record, 0, 0)], dead: 1, reason: "rejected", words: "no" };
}

async function fileSinkTarget(dataDir: string): Promise<ShortWriteTarget> {
  const context = { name: "file", clock, disk: systemDisk, dataDir, warn: () => {} };
  const sink = await fileSink.open(fileSink.options.parse({}), context);
  const { signal } = new AbortController();
  const path = `${dataDir}/events.jsonl`;
  return {
    path,
    async write(number) {
      const batch = Array.from({ length: RECORDS }, (_, index) => outgoingOf(number * RECORDS + index));
      return (await sink.send(batch, signal)).status === "delivered";
    },
    // What was not delivered has left no trace.
    problems: async (count) => difference(namesBelow(count * RECORDS), namesIn(path)),
    close: () => sink.close(),
  };
}

function outgoingOf(number: number) {
  const time = "2026-01-01T00:00:00.000Z";
  const event = { id: `event-${number}`, kind: "custom", time, data: { text: "a\nb" } } as const;
  return { id: event.id, event, raw: Buffer.from(JSON.stringify(event)) };
}

function namesBelow(count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => `event-${number}`);
}

/** The ids of the events in a file of JSON lines. What is no whole line stands for itself. */
function namesIn(path: string): readonly string[] {
  const lines = readFileSync(path, "utf8").split("\n");
  const rest = lines.pop();
  return [...lines.map(nameIn), ...(rest ? [`without its end: ${rest}`] : [])];
}

function nameIn(line: string): string {
  try {
    const { id } = JSON.parse(line);
    return id;
  } catch {
    return `not JSON: ${line}`;
  }
}

function difference(wanted: readonly string[], found: readonly string[]): readonly string[] {
  const at = wanted.findIndex((each, index) => each !== found[index]);
  if (at >= 0) return [`${JSON.stringify(found[at])} stands in place of ${JSON.stringify(wanted[at])}`];
  if (found.length > wanted.length) return [`${JSON.stringify(found[wanted.length])} is too much`];
  return [];
}

const isTrue = () => true;
const isFalse = () => false;
