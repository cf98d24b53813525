import { crc32 } from "node:zlib";
import { codeOf, type Disk, type DiskFile, isNoFile, syncDirectory } from "@sluice/sdk/internal";
import { SluiceError } from "../../errors.ts";
import { ignoreFailure } from "./failures.ts";
import { SPOOL_ID_BYTES } from "./segment.ts";
import { writeAll } from "./write-all.ts";

/**
 * A small value that is replaced often and read once: a route's ledger, the spool's own tally. One file of
 * three equal slots; each write goes to another slot with the next generation, and the newest slot that is
 * intact is the value. A slot:
 *
 *      0  mark "SLOT"    4  payload length u32    8  generation u64    16  spool id 16    32  zeros
 *     60  CRC u32 of the bytes 0..60 and the payload    64  payload
 *
 * The first two zeros are the min-reader: 0 in this format, and the number of the format in a later one that
 * this version cannot read. Slots, mark, length, generation, min-reader and CRC stay where they are in every
 * format.
 *
 * Two slots would do for a process that dies. For a power cut they would not: writes are rarely synced, and
 * two unsynced slots can both be lost. The third keeps the last synced value untouched until a newer one is
 * synced. The spool id makes sure that a value of another spool, copied here or left over, is not believed. A
 * payload that has outgrown its slot moves to a new file with larger slots, by write, sync, rename, directory
 * sync. So does the first one, and every one after a failed sync: a file whose sync failed is never synced
 * again. Once the name leads to the new file nothing is written to the old one, not even if the sync of the
 * directory fails: then there is none to write to, and the next value makes another.
 */
const SLOTS = 3;
const FRAME_BYTES = 64;
const MARK = 0x544f_4c53;
const KNOWN_FORMAT = 1;
const MIN_READER_AT = 32;
const CRC_AT = 60;
/**
 * A ledger without exceptions takes some hundred bytes; one file system block is the least that a slot can
 * cost anyway.
 */
const SLOT_BYTES_MIN = 4096;
/** The largest ledger takes a slot of 64 KiB. What is larger than many of those is no file of ours. */
const FILE_BYTES_MAX = SLOTS * 1024 * 1024;

export interface SlotValue {
  readonly payload: Uint8Array;
  readonly spoolId: string;
}

interface Slot extends SlotValue {
  readonly index: number;
  readonly generation: bigint;
  readonly minReader: number;
}

/**
 * Reads the value of a file without opening it for writing. Undefined if there is none that is intact.
 * @throws SluiceError SPOOL_TOO_NEW if a later version wrote it.
 */
export async function readSlots(disk: Disk, path: string): Promise<SlotValue | undefined> {
  const content = await readWhole(disk, path);
  return content && newestOf(content, path);
}

export class SlotFile {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #path: string;
  readonly #spoolId: string;
  #file: DiskFile | undefined;
  #slotBytes = 0;
  #generation = 0n;
  #newest = -1;
  #lastSynced = -1;
  #frame = Buffer.alloc(0);
  #value: Uint8Array | undefined;
  #tail: Promise<void> = Promise.resolve();

  constructor(disk: Disk, directory: string, name: string, spoolId: string) {
    this.#disk = disk;
    this.#directory = directory;
    this.#path = `${directory}/${name}`;
    this.#spoolId = spoolId;
  }

  /** The stored value, if it is intact and of this spool. Call once, before the first write. */
  async open(): Promise<Uint8Array | undefined> {
    const content = await readWhole(this.#disk, this.#path);
    const newest = content && newestOf(content, this.#path);
    if (!content || newest?.spoolId !== this.#spoolId) return undefined;
    const { index, payload } = newest;
    this.#slotBytes = content.length / SLOTS;
    this.#generation = newest.generation;
    this.#newest = index;
    this.#lastSynced = index;
    const from = index * this.#slotBytes;
    await this.#secure(content.subarray(from, from + FRAME_BYTES + payload.length), payload);
    this.#value = payload;
    return payload;
  }

  /** What the file takes. */
  get bytes(): number {
    return this.#slotBytes * SLOTS;
  }

  /** What is stored once the writes that were already called are done. */
  async settled(): Promise<Uint8Array | undefined> {
    await this.#tail;
    return this.#value;
  }

  /**
   * Stores a value; calls take effect in order. `durable` also syncs it. Rejects if the disk does; the value
   * before it still stands then.
   */
  write(payload: Uint8Array, durable: boolean): Promise<void> {
    const written = this.#tail.then(() => this.#write(payload, durable));
    this.#tail = written.catch(() => {}); // The caller of that write has the error.
    return written;
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#file?.close();
    this.#file = undefined;
  }

  /**
   * What an earlier process left unsynced becomes the value that a power cut cannot take. It is written again
   * first: if the earlier process's sync failed, the kernel may have marked the pages clean, and a sync alone
   * would report success without writing them.
   */
  async #secure(framed: Uint8Array, payload: Uint8Array): Promise<void> {
    const file = await this.#disk.open(this.#path, "write");
    try {
      writeAll(file, framed, this.#newest * this.#slotBytes);
      await file.sync();
      this.#file = file;
    } catch {
      await ignoreFailure(file.close());
      await this.#replace(payload); // Rejects if the disk is no better elsewhere.
    }
  }

  async #write(payload: Uint8Array, durable: boolean): Promise<void> {
    if (!this.#file || FRAME_BYTES + payload.length > this.#slotBytes) await this.#replace(payload);
    else await this.#overwrite(this.#file, payload, durable);
    this.#value = Uint8Array.from(payload);
  }

  async #overwrite(file: DiskFile, payload: Uint8Array, durable: boolean): Promise<void> {
    const slot = [0, 1, 2].find((index) => index !== this.#newest && index !== this.#lastSynced) ?? 0;
    writeAll(file, this.#framed(payload), slot * this.#slotBytes);
    this.#newest = slot;
    if (!durable) return;
    try {
      await file.sync();
      this.#lastSynced = slot;
    } catch (error) {
      await this.#letGo();
      throw error;
    }
  }

  async #replace(payload: Uint8Array): Promise<void> {
    const slotBytes = slotBytesFor(payload.length);
    const temporary = `${this.#path}.new`;
    await this.#disk.remove(temporary);
    const file = await this.#disk.open(temporary, "create");
    try {
      writeAll(file, Buffer.alloc(slotBytes * SLOTS), 0);
      writeAll(file, this.#framed(payload), 0);
      await file.sync();
      await this.#disk.rename(temporary, this.#path);
      await this.#letGo(); // Its name is gone: what is written there is lost.
      await syncDirectory(this.#disk, this.#directory);
    } catch (error) {
      await ignoreFailure(file.close());
      throw error;
    }
    this.#file = file;
    this.#slotBytes = slotBytes;
    this.#newest = 0;
    this.#lastSynced = 0;
  }

  /** The next value makes a new file. */
  async #letGo(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await ignoreFailure(file?.close());
  }

  #framed(payload: Uint8Array): Uint8Array {
    const frame = this.#frameFor(payload);
    this.#generation++;
    frame.writeUInt32LE(MARK, 0);
    frame.writeUInt32LE(payload.length, 4);
    frame.writeBigUInt64LE(this.#generation, 8);
    frame.write(this.#spoolId, 16, SPOOL_ID_BYTES, "hex");
    frame.writeUInt32LE(crc32(payload, crc32(frame.subarray(0, CRC_AT))), CRC_AT);
    frame.set(payload, FRAME_BYTES);
    return frame;
  }

  /** One buffer for all of them: what a write was given has been copied when it returns. */
  #frameFor(payload: Uint8Array): Buffer {
    const bytes = FRAME_BYTES + payload.length;
    if (bytes > this.#frame.length) this.#frame = Buffer.alloc(slotBytesFor(payload.length));
    return this.#frame.subarray(0, bytes);
  }
}

/** Twice what is needed, in powers of two: a growing ledger moves a few times in its life. */
function slotBytesFor(payloadBytes: number): number {
  let slotBytes = SLOT_BYTES_MIN;
  while (slotBytes < FRAME_BYTES + payloadBytes) slotBytes *= 2;
  return slotBytes;
}

async function readWhole(disk: Disk, path: string): Promise<Buffer | undefined> {
  const file = await openIfThere(disk, path);
  if (!file) return undefined;
  try {
    const { sizeBytes } = await file.stat();
    if (sizeBytes > FILE_BYTES_MAX) return undefined;
    const content = Buffer.alloc(sizeBytes);
    const count = await file.read(content, 0);
    return content.subarray(0, count);
  } catch (error) {
    if (isNoFile(error)) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

async function openIfThere(disk: Disk, path: string): Promise<DiskFile | undefined> {
  try {
    return await disk.open(path, "read");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || isNoFile(error)) return undefined;
    throw error;
  }
}

function newestOf(content: Buffer, path: string): Slot | undefined {
  const slotBytes = content.length / SLOTS;
  if (!Number.isInteger(slotBytes) || slotBytes < SLOT_BYTES_MIN) return undefined;
  let newest: Slot | undefined;
  for (let index = 0; index < SLOTS; index++) {
    const slot = slotIn(content.subarray(index * slotBytes, (index + 1) * slotBytes), index);
    if (slot && (!newest || slot.generation > newest.generation)) newest = slot;
  }
  if (newest && newest.minReader > KNOWN_FORMAT) {
    throw new SluiceError("SPOOL_TOO_NEW", { path, format: newest.minReader, known: KNOWN_FORMAT });
  }
  return newest;
}

function slotIn(bytes: Buffer, index: number): Slot | undefined {
  const length = bytes.readUInt32LE(4);
  if (bytes.readUInt32LE(0) !== MARK || FRAME_BYTES + length > bytes.length) return undefined;
  const payload = bytes.subarray(FRAME_BYTES, FRAME_BYTES + length);
  if (crc32(payload, crc32(bytes.subarray(0, CRC_AT))) !== bytes.readUInt32LE(CRC_AT)) return undefined;
  const spoolId = bytes.toString("hex", 16, 16 + SPOOL_ID_BYTES);
  const minReader = bytes.readUInt16LE(MIN_READER_AT);
  return { index, generation: bytes.readBigUInt64LE(8), minReader, spoolId, payload: Buffer.from(payload) };
}
