import { crc32 } from "node:zlib";
import { SluiceError } from "../../errors.ts";

/**
 * A segment: a header block of 1 KiB, then records without gaps, then zeros or the end of the file. The
 * header stands in the block twice, 512 bytes apart and so in two sectors: the salt in it is what every
 * record of the segment is checked with.
 *
 *      0  magic 8                  "sluice", 1A, 0A
 *      8  format u16               what wrote it
 *     10  min-reader u16           the oldest format whose readers understand it
 *     12  salt u32                 random, new for every segment
 *     16  spool id 16              random, one for the life of a spool
 *     32  first offset u64         of its first record; ends every earlier segment there
 *     40  segment number u64       the one in its file name
 *     48  created at u64           milliseconds since 1970
 *     56  0 u32
 *     60  CRC of the bytes 0..60 u32
 *
 * Magic, min-reader and the CRC stay where they are in every later format: that is how a reader knows that it
 * is too old.
 */
const FORMAT = 1;
export const SEGMENT_HEADER_BYTES = 1024;
export const SPOOL_ID_BYTES = 16;

const MAGIC = Buffer.from("sluice\x1a\n", "latin1");
const COPY_BYTES = 64;
const COPIES_AT = [0, 512] as const;
const SUMMED_BYTES = 60;

export interface SegmentHeader {
  /** Hex. */
  readonly spoolId: string;
  readonly salt: number;
  readonly firstOffset: number;
  readonly number: number;
  readonly createdAtMs: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const block = Buffer.alloc(SEGMENT_HEADER_BYTES);
  block.set(MAGIC, 0);
  block.writeUInt16LE(FORMAT, 8);
  block.writeUInt16LE(FORMAT, 10);
  block.writeUInt32LE(header.salt, 12);
  block.write(header.spoolId, 16, SPOOL_ID_BYTES, "hex");
  block.writeBigUInt64LE(BigInt(header.firstOffset), 32);
  block.writeBigUInt64LE(BigInt(header.number), 40);
  block.writeBigUInt64LE(BigInt(header.createdAtMs), 48);
  block.writeUInt32LE(crc32(block.subarray(0, SUMMED_BYTES)), SUMMED_BYTES);
  for (const at of COPIES_AT) block.copy(block, at, 0, COPY_BYTES);
  return block;
}

/**
 * The header, or undefined if neither copy is intact.
 * @throws SluiceError SPOOL_TOO_NEW if a later version wrote it in a way that this one cannot read.
 */
export function decodeSegmentHeader(block: Buffer, path: string): SegmentHeader | undefined {
  for (const at of COPIES_AT) {
    const copy = block.subarray(at, at + COPY_BYTES);
    if (copy.length < COPY_BYTES || !copy.subarray(0, MAGIC.length).equals(MAGIC)) continue;
    if (crc32(copy.subarray(0, SUMMED_BYTES)) !== copy.readUInt32LE(SUMMED_BYTES)) continue;
    const minReader = copy.readUInt16LE(10);
    if (minReader > FORMAT)
      throw new SluiceError("SPOOL_TOO_NEW", { path, format: minReader, known: FORMAT });
    return {
      salt: copy.readUInt32LE(12),
      spoolId: copy.toString("hex", 16, 16 + SPOOL_ID_BYTES),
      firstOffset: Number(copy.readBigUInt64LE(32)),
      number: Number(copy.readBigUInt64LE(40)),
      createdAtMs: Number(copy.readBigUInt64LE(48)),
    };
  }
  return undefined;
}

/** Numbers sort as text, so that a listing reads in order. */
export function segmentName(number: number): string {
  return `${String(number).padStart(12, "0")}.seg`;
}

export function segmentNumber(name: string): number | undefined {
  const match = /^(\d{12,15})\.seg$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** The next segment in the making. It has a name of its own, so that no reader takes it for a segment. */
export const SPARE_NAME = "spare";
