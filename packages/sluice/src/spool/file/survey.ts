import type { Disk } from "@sluice/sdk/internal";
import { ahead } from "./ahead.ts";
import { Damage } from "./damage.ts";
import { type Candidate, type Headers, readHeaders, unreadable } from "./headers.ts";
import { Segment } from "./log.ts";
import { FileScan, type Visit } from "./scan.ts";
import { SEGMENT_HEADER_BYTES } from "./segment.ts";
import { type Source, Sources } from "./source.ts";
import { readTally, type Tally } from "./tally.ts";

/** Bytes of a segment that were a record once, or cannot be told from one. */
export interface LostBytes {
  readonly path: string;
  readonly number: number;
  readonly from: number;
  readonly to: number;
}

/** What is on the disk, found without changing anything. Recovery acts on it; `sluice verify` only tells. */
export interface Survey {
  /** Undefined for a directory without a spool. */
  readonly spoolId: string | undefined;
  readonly tally: Tally;
  readonly segments: readonly Segment[];
  readonly nextOffset: number;
  readonly nextNumber: number;
  readonly damage: Damage;
  readonly lost: readonly LostBytes[];
  /** Segments that hold nothing any more: trimmed, or ended at their first offset by a later one. */
  readonly leftovers: readonly string[];
  /** Files named like segments that are none of this spool. */
  readonly strangers: readonly string[];
  /**
   * Bytes behind the last record of the last segment that are neither zero nor lost records: a write that
   * never finished.
   */
  readonly hasTornTail: boolean;
  /** The size of the last segment's file. */
  readonly tailBytes: number;
}

interface Limited extends Candidate {
  /** Records from this offset on belong to a later segment. */
  readonly limitOffset: number;
}

/**
 * Reads every header and the tally, and nothing else. What it returns saves the next who looks from reading
 * the headers again. @throws SluiceError SPOOL_TOO_NEW if a later version wrote one of them.
 */
export async function checkFormat(disk: Disk, directory: string, before?: Headers): Promise<Headers> {
  const headers = await readHeaders(disk, directory, before);
  await readTally(disk, directory);
  return headers;
}

/**
 * Reads the whole spool and checks every record, 1 GiB in about a second. `visit` sees each intact record in
 * order.
 * @throws SluiceError SPOOL_TOO_NEW, or SPOOL_UNREADABLE if the disk fails: what cannot be read now may be
 * readable later.
 */
export async function surveySpool(
  disk: Disk,
  directory: string,
  visit: Visit,
  before?: Headers,
): Promise<Survey> {
  const { candidates, strangers, highestNumber } = await readHeaders(disk, directory, before);
  const stored = await readTally(disk, directory);
  const spoolId = chooseId(stored?.spoolId, candidates);
  const ours = candidates.filter(({ header }) => header.spoolId === spoolId);
  const foreign = candidates.filter(({ header }) => header.spoolId !== spoolId).map(({ path }) => path);

  const limits = limitsOf(ours);
  const tally = stored?.spoolId === spoolId && stored ? stored.tally : tallyFrom(ours);
  const scan = new FileScan();
  const damage = new Damage();
  const segments: Segment[] = [];
  const lost: LostBytes[] = [];
  let expected = tally.trimmedBefore;
  let tail = { isTorn: false, sizeBytes: 0 };
  const limited = ours.map((candidate, index) => ({ ...candidate, limitOffset: limits[index] ?? Infinity }));
  const holdsAny = ({ header, limitOffset }: Limited) =>
    header.firstOffset < limitOffset && limitOffset > tally.trimmedBefore;
  const leftovers = limited.filter((candidate) => !holdsAny(candidate)).map(({ path }) => path);
  const sources = new Sources(disk);
  const open = async (candidate: Limited) => ({
    candidate,
    source: await openToScan(sources, candidate, "guess"),
  });
  for await (const { candidate, source } of ahead(limited.filter(holdsAny), open, closeSource)) {
    const { limitOffset } = candidate;
    damage.add(expected, candidate.header.firstOffset);
    const found = await scanSegment(source, sources, candidate, scan, damage, visit);
    const { sizeBytes } = found;
    lost.push(...found.lost);
    segments.push(found.segment);
    expected = found.segment.endOffset;
    const isLast = limitOffset === Infinity;
    const endsEarly = expected < (isLast ? tally.knownDurable : limitOffset);
    if (!isLast && !endsEarly) continue;
    tail = { isTorn: await isTorn(disk, found.segment, sizeBytes), sizeBytes };
    if (endsEarly && tail.isTorn) lost.push(bytesOf(candidate, found.segment.endPosition, sizeBytes));
  }
  const nextOffset = Math.max(expected, tally.knownDurable, tally.trimmedBefore);
  damage.add(expected, nextOffset);
  damage.dropBelow(tally.trimmedBefore);
  return {
    spoolId,
    tally,
    segments,
    nextOffset,
    nextNumber: highestNumber + 1,
    damage,
    lost,
    leftovers,
    strangers: [...strangers, ...foreign],
    hasTornTail: tail.isTorn,
    tailBytes: tail.sizeBytes,
  };
}

/**
 * A tally alone says which spool this was; against segments that all say otherwise it is the tally that is
 * out of place.
 */
function chooseId(tallyId: string | undefined, candidates: readonly Candidate[]): string | undefined {
  const first = candidates[0]?.header.spoolId;
  return candidates.some(({ header }) => header.spoolId === tallyId) ? tallyId : (first ?? tallyId);
}

/** Where each segment ends at the latest: at the lowest first offset of all that follow. */
function limitsOf(candidates: readonly Candidate[]): number[] {
  const limits: number[] = [];
  let limit = Number.POSITIVE_INFINITY;
  for (const { header } of candidates.toReversed()) {
    limits.push(limit);
    limit = Math.min(limit, header.firstOffset);
  }
  return limits.reverse();
}

/**
 * Without a tally nobody knows what was trimmed; that everything before was is likelier than that all of it
 * was lost.
 */
function tallyFrom(candidates: readonly Candidate[]): Tally {
  return { trimmedBefore: candidates[0]?.header.firstOffset ?? 0, damagedBefore: 0, knownDurable: 0 };
}

async function openToScan(sources: Sources, { path }: Candidate, size: "ask" | "guess"): Promise<Source> {
  try {
    return await sources.open(path, SEGMENT_HEADER_BYTES, size);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function closeSource({ source }: { readonly source: Source }): Promise<void> {
  return source.close();
}

async function scanSegment(
  first: Source,
  sources: Sources,
  candidate: Limited,
  scan: FileScan,
  damage: Damage,
  visit: Visit,
): Promise<{ segment: Segment; sizeBytes: number; lost: LostBytes[] }> {
  const { path, header, limitOffset } = candidate;
  const segment = new Segment(header, path);
  const lost: LostBytes[] = [];
  const place = { expected: header.firstOffset, position: SEGMENT_HEADER_BYTES };
  const take: Visit = (bytes, at, offset, position, body) => {
    if (offset > place.expected) {
      damage.add(place.expected, offset);
      lost.push({ path, number: header.number, from: place.position, to: position });
    }
    segment.mark(offset, position);
    visit(bytes, at, offset, position, body);
  };
  const scanOn = async (source: Source) => {
    const stretch = { salt: header.salt, endPosition: source.sizeBytes, limitOffset };
    try {
      await scan.run(source, place.position, stretch, place, take);
    } catch (error) {
      throw unreadable(path, error);
    } finally {
      await source.close();
    }
    return source;
  };
  let source = await scanOn(first);
  // All that the next segment leaves to this one was there: then more bytes could be no record. Otherwise the
  // rest is looked at with the size that the file has.
  if (!source.isSizeSure && place.expected < limitOffset) {
    source = await scanOn(await openToScan(sources, candidate, "ask"));
  }
  const { sizeBytes } = source;
  segment.endOffset = place.expected;
  segment.endPosition = place.position;
  segment.leftoverBytes = Math.max(0, sizeBytes - place.position);
  return { segment, sizeBytes, lost };
}

const TAIL_CHUNK_BYTES = 1024 * 1024;

/** True if anything but zeros lies behind the last record. */
async function isTorn(disk: Disk, segment: Segment, sizeBytes: number): Promise<boolean> {
  const chunk = Buffer.alloc(Math.min(TAIL_CHUNK_BYTES, Math.max(0, sizeBytes - segment.endPosition)));
  const zeros = Buffer.alloc(chunk.length);
  const file = await disk.open(segment.path, "read");
  try {
    for (let position = segment.endPosition; position < sizeBytes; ) {
      const count = await file.read(chunk, position);
      if (count === 0) return false;
      if (chunk.compare(zeros, 0, count, 0, count) !== 0) return true;
      position += count;
    }
    return false;
  } finally {
    await file.close();
  }
}

function bytesOf({ path, header }: Candidate, from: number, to: number): LostBytes {
  return { path, number: header.number, from, to };
}
