import { crc32 } from "node:zlib";
import { codeOf, type Disk, type DiskFile } from "@sluice/sdk/internal";

/**
 * What a process leaves behind for the next one: whether it ended in order, and which record it was reading
 * when it did not. The file `suspect` of the data directory, 36 bytes, written as a whole:
 *
 *      0  magic "SLSUSP01"    8  deaths u32       12  blamed offset u64    20  marked offset u64
 *     28  which run of the machine this is while the process runs, 0 after an end in order, u32
 *     32  CRC of the bytes 0..32 u32
 *
 * Never synced: the page cache survives the end of a process. What is there after a power cut may be from any
 * time before it, and no record is to blame for that, so marks of another run of the machine count for
 * nothing. Nothing depends on it either: without it, or with one that cannot be read or written, there is no
 * suspect.
 */
export interface LastWords {
  /** The record that was being read when the last process ended; undefined if there was none. */
  readonly marked: number | undefined;
  /** False for a new data directory, and after an end in order. */
  readonly isUnclean: boolean;
  /** How many processes in a row have ended at the same record. */
  readonly deaths: number;
  readonly blamed: number | undefined;
}

const NOTHING: LastWords = { marked: undefined, isUnclean: false, deaths: 0, blamed: undefined };
const MAGIC = Buffer.from("SLSUSP01", "latin1");
const SIZE_BYTES = 36;
const SUMMED_BYTES = 32;
const NONE = 0xffff_ffff_ffff_ffffn;

/** @param machineRun an id that the machine gets anew whenever it starts; absent where it has none. */
export async function openLastWords(disk: Disk, path: string, machineRun = ""): Promise<LastWordsFile> {
  // Never 0.
  const run = (crc32(machineRun) | 1) >>> 0;
  try {
    const file = await disk.open(path, "write");
    const bytes = Buffer.alloc(SIZE_BYTES);
    const count = await file.read(bytes, 0);
    return new LastWordsFile(file, decode(bytes.subarray(0, count), run), run);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return new LastWordsFile(undefined, NOTHING, run);
  }
}

export class LastWordsFile {
  /** What the process before this one left. */
  readonly found: LastWords;
  readonly #bytes = Buffer.alloc(SIZE_BYTES);
  #file: DiskFile | undefined;

  constructor(file: DiskFile | undefined, found: LastWords, run: number) {
    this.#file = file;
    this.found = found;
    MAGIC.copy(this.#bytes);
    this.#put(20, undefined);
    this.#bytes.writeUInt32LE(run, 28);
  }

  /** From now on this process runs, and this record is the one that others have ended at. */
  begin(blamed: number | undefined, deaths: number): void {
    this.#bytes.writeUInt32LE(deaths, 8);
    this.#put(12, blamed);
    this.#write();
  }

  /** Names the record that is about to be read; undefined when that is over. Takes two microseconds. */
  mark(offset: number | undefined): void {
    this.#put(20, offset);
    this.#write();
  }

  /** An end in order: nobody is to blame for anything. */
  async close(): Promise<void> {
    this.#bytes.writeUInt32LE(0, 28);
    this.begin(undefined, 0);
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  #put(at: number, offset: number | undefined): void {
    this.#bytes.writeBigUInt64LE(offset === undefined ? NONE : BigInt(offset), at);
  }

  #write(): void {
    this.#bytes.writeUInt32LE(crc32(this.#bytes.subarray(0, SUMMED_BYTES)), SUMMED_BYTES);
    try {
      this.#file?.write(this.#bytes, 0);
    } catch (error) {
      // A full or failing disk: whoever depends on it says so. Here it only means that nobody is watched.
      if (codeOf(error) === undefined) throw error;
    }
  }
}

function decode(bytes: Buffer, run: number): LastWords {
  if (bytes.length < SIZE_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return NOTHING;
  if (crc32(bytes.subarray(0, SUMMED_BYTES)) !== bytes.readUInt32LE(SUMMED_BYTES)) return NOTHING;
  const ranIn = bytes.readUInt32LE(28);
  if (ranIn === 0) return NOTHING;
  if (ranIn !== run) return { ...NOTHING, isUnclean: true };
  const offsetAt = (at: number) => {
    const offset = bytes.readBigUInt64LE(at);
    return offset === NONE ? undefined : Number(offset);
  };
  return { marked: offsetAt(20), isUnclean: true, deaths: bytes.readUInt32LE(8), blamed: offsetAt(12) };
}
