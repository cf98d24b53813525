import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { codeOf, type Disk, type DiskFile, isNoFile, syncDirectory } from "@sluice/sdk/internal";

/**
 * A small file that is replaced as a whole and is always readable: two slots of equal size, each written and
 * synced for itself, so that a write that is torn leaves the other one. Both then hold the newest content:
 * damage to one of them later does not bring back an older one. After a failed sync the file is never synced
 * again: the next content goes to a new one, by write, sync, rename, directory sync. Each slot:
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
  /**
   * Durable when it resolves. Rejects with the disk's error, and then the earlier content is still there.
   */
  write(content: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const MAGIC = "SLSLOTS1";
const HEAD_BYTES = 20;

/** What it finds is durable when this resolves. Rejects if the disk does. */
export async function openTwoSlots(disk: Disk, path: string, slotBytes: number): Promise<TwoSlots> {
  const file = await disk.open(path, "write");
  try {
    const slots = new SlotPair(disk, path, slotBytes, file, await readNewest(file, slotBytes));
    await slots.renew();
    return slots;
  } catch (error) {
    await closed(file);
    throw error;
  }
}

class SlotPair implements TwoSlots {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #slotBytes: number;
  #file: DiskFile | undefined;
  #generation: number;
  #content: Uint8Array | undefined;

  constructor(disk: Disk, path: string, slotBytes: number, file: DiskFile, newest: Slot | undefined) {
    this.#disk = disk;
    this.#path = path;
    this.#slotBytes = slotBytes;
    this.#file = file;
    this.#generation = newest?.generation ?? 0;
    this.#content = newest?.content;
  }

  get content(): Uint8Array | undefined {
    return this.#content;
  }

  async write(content: Uint8Array): Promise<void> {
    if (content.length > this.#slotBytes - HEAD_BYTES)
      throw new RangeError(`${content.length} bytes do not fit a slot of ${this.#slotBytes}`);
    const copy = Uint8Array.from(content);
    if (this.#file) {
      await this.#overwrite(this.#file, copy);
      // It is stored: without its second copy it is only as safe as it used to be.
      await this.#overwrite(this.#file, copy).catch(() => undefined);
    } else await this.#replace(copy);
  }

  /**
   * Writes again what an open has found. An earlier process may have written it and failed to sync it; then
   * the kernel may take its pages for clean, and only what is written again is sure to be synced.
   */
  async renew(): Promise<void> {
    const content = this.#content;
    if (!content) return;
    try {
      // Where it cannot be made durable in this file, the second attempt makes a new one.
      await this.write(content).catch(() => this.write(content));
    } catch (error) {
      // A full volume is no reason not to start: one good slot is enough to go on with.
      if (codeOf(error) !== "ENOSPC") throw error;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #overwrite(file: DiskFile, content: Uint8Array): Promise<void> {
    this.#put(file, content);
    try {
      await file.sync();
    } catch (error) {
      this.#file = undefined;
      await closed(file);
      throw error;
    }
    this.#content = content;
  }

  async #replace(content: Uint8Array): Promise<void> {
    const temporary = `${this.#path}.new`;
    await this.#disk.remove(temporary);
    const file = await this.#disk.open(temporary, "create");
    try {
      this.#put(file, content);
      this.#put(file, content);
      await file.sync();
      await this.#disk.rename(temporary, this.#path);
      await syncDirectory(this.#disk, dirname(this.#path));
    } catch (error) {
      await closed(file);
      throw error;
    }
    this.#file = file;
    this.#content = content;
  }

  /** Into the slot whose turn it is; slot 0 holds the odd generations. */
  #put(file: DiskFile, content: Uint8Array): void {
    const generation = this.#generation + 1;
    const bytes = frame(generation, content);
    const written = file.write(bytes, generation % 2 === 1 ? 0 : this.#slotBytes);
    if (written < bytes.length)
      throw Object.assign(new Error(`${this.#path}: the disk is full`), { code: "ENOSPC" });
    this.#generation = generation;
  }
}

/** The failure that led here is the one to tell. */
async function closed(file: DiskFile): Promise<void> {
  await file.close().catch(() => undefined);
}

/** The newest content, read without touching anything; undefined if there is none that can be believed. */
export async function readTwoSlots(
  disk: Disk,
  path: string,
  slotBytes: number,
): Promise<Uint8Array | undefined> {
  try {
    const file = await disk.open(path, "read");
    try {
      return (await readNewest(file, slotBytes))?.content;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT" || isNoFile(error)) return undefined;
    throw error;
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
