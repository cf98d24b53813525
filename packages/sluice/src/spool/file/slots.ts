import { crc32 } from "node:zlib";
import { codeOf, type Disk, type DiskFile, syncDirectory } from "@sluice/sdk/internal";
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
 * Two slots would do for a process that dies. For a power cut they would not: writes are rarely synced, and
 * two unsynced slots can both be lost. The third keeps the last synced value untouched until a newer one is
 * synced. The spool id makes sure that a value of another spool, copied here or left over, is not believed.
 * A payload that has outgrown its slot moves to a new file with larger slots, by write, sync, rename,
 * directory sync. So does the first one, and every one after a failed sync: a file whose sync failed is never
 * synced again.
 */
const SLOTS = 3;
const FRAME_BYTES = 64;
const MARK = 0x544f_4c53;
const CRC_AT = 60;
/**
 * A ledger without exceptions takes some hundred bytes; one file system block is the least that a slot can
 * cost anyway.
 */
const SLOT_BYTES_MIN = 4096;

export interface SlotValue {
  readonly payload: Uint8Array;
  readonly spoolId: string;
}

interface Slot extends SlotValue {
  readonly index: number;
  readonly generation: bigint;
}

/** Reads the value of a file without opening it for writing. Undefined if there is none that is intact. */
export async function readSlots(disk: Disk, path: string): Promise<SlotValue | undefined> {
  const content = await readWhole(disk, path);
  return content && newestOf(content);
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
    const newest = content && newestOf(content);
    if (!content || newest?.spoolId !== this.#spoolId) return undefined;
    this.#slotBytes = content.length / SLOTS;
    this.#frame = Buffer.alloc(this.#slotBytes);
    this.#generation = newest.generation;
    this.#newest = newest.index;
    this.#lastSynced = newest.index;
    this.#file = await this.#disk.open(this.#path, "write");
    // What an earlier process left unsynced becomes the value that a power cut cannot take.
    await this.#file.sync();
    this.#value = newest.payload;
    return this.#value;
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
      await file.close();
      this.#file = undefined;
      throw error;
    }
  }

  async #replace(payload: Uint8Array): Promise<void> {
    this.#slotBytes = slotBytesFor(payload.length);
    this.#frame = Buffer.alloc(this.#slotBytes);
    const temporary = `${this.#path}.new`;
    await this.#disk.remove(temporary);
    const file = await this.#disk.open(temporary, "create");
    try {
      writeAll(file, Buffer.alloc(this.#slotBytes * SLOTS), 0);
      writeAll(file, this.#framed(payload), 0);
      await file.sync();
      await this.#disk.rename(temporary, this.#path);
      await syncDirectory(this.#disk, this.#directory);
    } catch (error) {
      await file.close();
      throw error;
    }
    await this.#file?.close();
    this.#file = file;
    this.#newest = 0;
    this.#lastSynced = 0;
  }

  #framed(payload: Uint8Array): Uint8Array {
    const frame = this.#frame;
    this.#generation++;
    frame.writeUInt32LE(MARK, 0);
    frame.writeUInt32LE(payload.length, 4);
    frame.writeBigUInt64LE(this.#generation, 8);
    frame.write(this.#spoolId, 16, SPOOL_ID_BYTES, "hex");
    frame.writeUInt32LE(crc32(payload, crc32(frame.subarray(0, CRC_AT))), CRC_AT);
    frame.set(payload, FRAME_BYTES);
    return frame.subarray(0, FRAME_BYTES + payload.length);
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
    const content = Buffer.alloc(sizeBytes);
    const count = await file.read(content, 0);
    return content.subarray(0, count);
  } finally {
    await file.close();
  }
}

async function openIfThere(disk: Disk, path: string): Promise<DiskFile | undefined> {
  try {
    return await disk.open(path, "read");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function newestOf(content: Buffer): Slot | undefined {
  const slotBytes = content.length / SLOTS;
  if (!Number.isInteger(slotBytes) || slotBytes < SLOT_BYTES_MIN) return undefined;
  let newest: Slot | undefined;
  for (let index = 0; index < SLOTS; index++) {
    const slot = slotIn(content.subarray(index * slotBytes, (index + 1) * slotBytes), index);
    if (slot && (!newest || slot.generation > newest.generation)) newest = slot;
  }
  return newest;
}

function slotIn(bytes: Buffer, index: number): Slot | undefined {
  const length = bytes.readUInt32LE(4);
  if (bytes.readUInt32LE(0) !== MARK || FRAME_BYTES + length > bytes.length) return undefined;
  const payload = bytes.subarray(FRAME_BYTES, FRAME_BYTES + length);
  if (crc32(payload, crc32(bytes.subarray(0, CRC_AT))) !== bytes.readUInt32LE(CRC_AT)) return undefined;
  const spoolId = bytes.toString("hex", 16, 16 + SPOOL_ID_BYTES);
  return { index, generation: bytes.readBigUInt64LE(8), spoolId, payload: Buffer.from(payload) };
}
