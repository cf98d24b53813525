import { MemoryDisk } from "@sluice/sdk/internal";
import { bodyLengthAt, RECORD_HEADER_BYTES } from "../../../packages/sluice/src/spool/file/record.ts";
import { SEGMENT_HEADER_BYTES } from "../../../packages/sluice/src/spool/file/segment.ts";
import type { FileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";
import type { SpoolRecord } from "../../../packages/sluice/src/spool/spool.ts";
import {
  aRecord,
  openTestSpool,
  segmentPaths,
  TEST_DATA_DIR,
} from "../../../packages/sluice/src/testing/spool-fixture.ts";

/** Where a record lies in its segment. */
interface Place {
  readonly from: number;
  readonly to: number;
}

export interface WrittenSegment {
  readonly path: string;
  readonly number: number;
  /** As they were written. Tests damage copies, or put them back. */
  readonly bytes: Buffer;
  readonly firstOffset: number;
  readonly places: readonly Place[];
}

export interface WriteOptions {
  readonly records: number;
  readonly bodyBytes: number;
  readonly segmentBytes: number;
  /** A clean stop says in the tally that everything is durable; a kill does not. */
  readonly end: "closed" | "killed";
}

/** A spool in memory, its records all different and their places known. */
export async function writeSpool(options: WriteOptions): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const { segmentBytes } = options;
  const spool = await openTestSpool(disk, { segmentBytes, maxBytes: 1024 * 1024 * 1024 });
  const groupRecords = Math.max(1, Math.floor((256 * 1024) / options.bodyBytes));
  for (let first = 0; first < options.records; first += groupRecords) {
    const count = Math.min(groupRecords, options.records - first);
    await spool.append(Array.from({ length: count }, (_, index) => padded(first + index, options.bodyBytes)));
  }
  if (options.end === "closed") await spool.close();
  else disk.crash();
  return disk;
}

export function segmentsOf(disk: MemoryDisk): readonly WrittenSegment[] {
  let firstOffset = 0;
  return segmentPaths(disk).map((path) => {
    const bytes = Buffer.from(disk.bytesOf(path));
    const places = placesIn(bytes);
    const segment = { path, number: Number.parseInt(path.slice(-16), 10), bytes, firstOffset, places };
    firstOffset += places.length;
    return segment;
  });
}

/** Which record a byte of the segment belongs to; undefined for the header block and what lies behind. */
export function recordAtByte({ places }: WrittenSegment, byte: number): number | undefined {
  const index = places.findIndex(({ from, to }) => byte >= from && byte < to);
  return index < 0 ? undefined : index;
}

/** Opens it as a daemon would, appends one more record, and reads everything up to that, damaged or not. */
export async function openAndRead(
  disk: MemoryDisk,
  segmentBytes: number,
): Promise<{
  readonly spool: FileSpool;
  readonly records: readonly SpoolRecord[];
  readonly nextOffset: number;
}> {
  const spool = await openTestSpool(disk, { segmentBytes, maxBytes: 1024 * 1024 * 1024 });
  const { nextOffset } = spool.state;
  const [outcome] = await spool.append([aRecord(1_000_000_000)]);
  if (outcome?.status !== "appended") throw new Error(`not appended: ${JSON.stringify(outcome)}`);
  const never = new AbortController().signal;
  const records: SpoolRecord[] = [];
  while (records.at(-1)?.offset !== outcome.offset) {
    const from = (records.at(-1)?.offset ?? -1) + 1;
    records.push(...(await spool.read(0, from, { records: 4_096, bytes: 4 * 1024 * 1024 }, never)));
  }
  return { spool, records: records.slice(0, -1), nextOffset };
}

/** The payload that was written at an offset is the one that was read there: the number of those that differ. */
export function wrongPayloads(
  records: readonly SpoolRecord[],
  segments: readonly WrittenSegment[],
): readonly number[] {
  const wrong = records.filter(({ offset, body }) => {
    const segment = segments.findLast(({ firstOffset }) => firstOffset <= offset);
    const place = segment?.places[offset - segment.firstOffset];
    if (!segment || !place) return true;
    return !segment.bytes.subarray(place.from + RECORD_HEADER_BYTES, place.to).equals(body);
  });
  return wrong.map(({ offset }) => offset);
}

/** The bytes that are kept of what was damaged, by segment and position. */
export async function quarantine(disk: MemoryDisk): Promise<ReadonlyMap<string, Buffer>> {
  const names = await disk.list(`${TEST_DATA_DIR}/quarantine`);
  return new Map(
    names.map((name) => [name, Buffer.from(disk.bytesOf(`${TEST_DATA_DIR}/quarantine/${name}`))]),
  );
}

function padded(number: number, bodyBytes: number) {
  const event = {
    id: `event-${number}`,
    kind: "custom",
    time: "2026-01-01T00:00:00.000Z",
    data: { number, text: "" },
  };
  const text = `${number} `.repeat(Math.ceil(bodyBytes / 2)).slice(0, Math.max(0, bodyBytes - 100));
  return aRecord(number, { body: Buffer.from(JSON.stringify({ ...event, data: { number, text } })) });
}

function placesIn(bytes: Buffer): readonly Place[] {
  const places: Place[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let from = SEGMENT_HEADER_BYTES;
  while (from + RECORD_HEADER_BYTES <= bytes.length && bytes.readUInt32LE(from) !== 0) {
    const to = from + RECORD_HEADER_BYTES + bodyLengthAt(view, from);
    places.push({ from, to });
    from = to;
  }
  return places;
}
