import { crc32 } from "node:zlib";
import { codeOf, type Disk, type DiskFile } from "@sluice/sdk/internal";

/**
 * A small file that is replaced as a whole and is always readable: two slots of equal size, written in turn.
 * A write that is torn hits the older one. Each slot:
 *
 *   0   magic "SLSLOTS1"   8
 *   8   generation         4   the higher one of two good slots counts
 *  12   length             4   of the content
 *  16   CRC-32             4   of generation, length and content
 *  20   content
 */
export interface TwoSlots {
  /** The newest content; undefined if there is none (or none that can be believed). */
  readonly content: Uint8Array | undefined;
  /** Durable when it resolves. Rejects with the disk's error, and then the earlier content is still there. */
  write(content: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const MAGIC = "SLSLOTS1";
const HEAD_BYTES = 20;

export async function openTwoSlots(disk: Disk, path: string, slotBytes: number): Promise<TwoSlots> {
  const file = await disk.open(path, "write");
  const newest = await readNewest(file, slotBytes);
  let generation = newest?.generation ?? 0;
  let content = newest?.content;
  // Slot 0 holds the odd generations.
  return {
    get content() {
      return content;
    },
    async write(next) {
      if (next.length > slotBytes - HEAD_BYTES)
        throw new RangeError(`${next.length} bytes do not fit a slot of ${slotBytes}`);
      const bytes = frame(generation + 1, next);
      const position = (generation + 1) % 2 === 1 ? 0 : slotBytes;
      const written = file.write(bytes, position);
      if (written < bytes.length)
        throw Object.assign(new Error(`${path}: the disk is full`), { code: "ENOSPC" });
      await file.sync();
      generation++;
      content = Uint8Array.from(next);
    },
    close: () => file.close(),
  };
}

/** The newest content, read without touching anything; undefined if there is none that can be believed. */
export async function readTwoSlots(
  disk: Disk,
  path: string,
  slotBytes: number,
): Promise<Uint8Array | undefined> {
  let file: DiskFile;
  try {
    file = await disk.open(path, "read");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    return (await readNewest(file, slotBytes))?.content;
  } finally {
    await file.close();
  }
}

async function readNewest(file: DiskFile, slotBytes: number): Promise<Slot | undefined> {
  const a = await readSlot(file, 0, slotBytes);
  const b = await readSlot(file, slotBytes, slotBytes);
  return (a?.generation ?? 0) >= (b?.generation ?? 0) ? a : b;
}

interface Slot {
  readonly generation: number;
  readonly content: Uint8Array;
}

function frame(generation: number, content: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + content.length);
  bytes.write(MAGIC, 0, "latin1");
  bytes.writeUInt32LE(generation, 8);
  bytes.writeUInt32LE(content.length, 12);
  bytes.set(content, HEAD_BYTES);
  bytes.writeUInt32LE(checksum(bytes, content.length), 16);
  return bytes;
}

async function readSlot(file: DiskFile, position: number, slotBytes: number): Promise<Slot | undefined> {
  const bytes = Buffer.alloc(slotBytes);
  const count = await file.read(bytes, position);
  if (count < HEAD_BYTES || bytes.toString("latin1", 0, 8) !== MAGIC) return undefined;
  const length = bytes.readUInt32LE(12);
  if (length > count - HEAD_BYTES || bytes.readUInt32LE(16) !== checksum(bytes, length)) return undefined;
  return { generation: bytes.readUInt32LE(8), content: bytes.subarray(HEAD_BYTES, HEAD_BYTES + length) };
}

function checksum(bytes: Buffer, length: number): number {
  return crc32(bytes.subarray(HEAD_BYTES, HEAD_BYTES + length), crc32(bytes.subarray(8, 16)));
}
