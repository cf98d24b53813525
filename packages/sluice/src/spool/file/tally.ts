import type { Disk } from "@sluice/sdk/internal";
import { ignoreFailure } from "./failures.ts";
import { readSlots, SlotFile } from "./slots.ts";

/**
 * What the segments alone cannot say, kept in a slot file beside them and synced whenever it is written:
 * - `trimmedBefore`: everything below was removed on purpose, so its absence is no damage, whichever unlinks
 *   survived a crash;
 * - `damagedBefore`: how many records below that were lost to damage, so that the count outlives the
 *   segments;
 * - `knownDurable`: everything below was durable once. After a clean stop that is everything, so a
 *   torn-looking tail is damage, not a write that never finished, and its offsets are never given again.
 */
export interface Tally {
  readonly trimmedBefore: number;
  readonly damagedBefore: number;
  readonly knownDurable: number;
}

const NAME = "tally";

export class TallyFile {
  readonly #file: SlotFile;
  #current: Tally;

  /** @param surveyed what the survey found, or made up for a file that is not there. */
  constructor(disk: Disk, directory: string, spoolId: string, surveyed: Tally) {
    this.#file = new SlotFile(disk, directory, NAME, spoolId);
    this.#current = surveyed;
  }

  get current(): Tally {
    return this.#current;
  }

  /** Ledgers carry the spool's id, so this file, which proves it, is there before the first of them. */
  async open(): Promise<void> {
    const payload = await this.#file.open();
    if (!payload) await this.write(this.#current);
  }

  /**
   * Stores and syncs, in two slots of the three: if one of them is damaged later, an older tally would make
   * losses of what was trimmed. Rejects if the disk does; the tally before it still stands then.
   */
  async write(tally: Tally): Promise<void> {
    const bytes = encodeTally(tally);
    await this.#file.write(bytes, true);
    this.#current = tally;
    // It is stored: without its second copy it is only as safe as it used to be.
    await ignoreFailure(this.#file.write(bytes, true));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** The tally and the id of the spool it belongs to, read without touching anything. */
export async function readTally(
  disk: Disk,
  directory: string,
): Promise<{ readonly tally: Tally; readonly spoolId: string } | undefined> {
  const value = await readSlots(disk, `${directory}/${NAME}`);
  return value && { tally: decodeTally(value.payload), spoolId: value.spoolId };
}

function encodeTally(tally: Tally): Uint8Array {
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(BigInt(tally.trimmedBefore), 0);
  bytes.writeBigUInt64LE(BigInt(tally.damagedBefore), 8);
  bytes.writeBigUInt64LE(BigInt(tally.knownDurable), 16);
  return bytes;
}

function decodeTally(payload: Uint8Array): Tally {
  const bytes = Buffer.from(payload);
  return {
    trimmedBefore: Number(bytes.readBigUInt64LE(0)),
    damagedBefore: Number(bytes.readBigUInt64LE(8)),
    knownDurable: Number(bytes.readBigUInt64LE(16)),
  };
}
