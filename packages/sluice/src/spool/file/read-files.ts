import type { Disk, DiskFile } from "@sluice/sdk/internal";
import type { Segment } from "./log.ts";

/**
 * Routes read near the tail or replay in order, so a few open segments serve all; ten thousand must not be
 * ten thousand descriptors.
 */
const OPEN_FILES_MAX = 16;

interface OpenFile {
  readonly file: Promise<DiskFile>;
  users: number;
}

/** The segments' files, open for reading, the least recently used closed first. */
export class ReadFiles {
  readonly #disk: Disk;
  readonly #open = new Map<Segment, OpenFile>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Fills `into` from a position of a segment and returns how many bytes there were. */
  async read(segment: Segment, into: Uint8Array, position: number): Promise<number> {
    const entry = this.#take(segment);
    entry.users++;
    try {
      return await (await entry.file).read(into, position);
    } catch (error) {
      // A file that could not be opened or read gets a fresh start next time.
      if (this.#open.get(segment) === entry) this.#open.delete(segment);
      throw error;
    } finally {
      entry.users--;
      if (this.#open.get(segment) !== entry) await closeUnused(entry);
    }
  }

  /** Closes a segment's file; a read that is under way finishes first. */
  async forget(segment: Segment): Promise<void> {
    const entry = this.#open.get(segment);
    this.#open.delete(segment);
    if (entry) await closeUnused(entry);
  }

  async close(): Promise<void> {
    for (const segment of [...this.#open.keys()]) await this.forget(segment);
  }

  #take(segment: Segment): OpenFile {
    const known = this.#open.get(segment);
    const entry = known ?? { file: this.#disk.open(segment.path, "read"), users: 0 };
    this.#open.delete(segment);
    this.#open.set(segment, entry);
    for (const [other, { users }] of this.#open) {
      if (this.#open.size <= OPEN_FILES_MAX) break;
      if (users === 0 && other !== segment) void this.forget(other);
    }
    return entry;
  }
}

async function closeUnused(entry: OpenFile): Promise<void> {
  if (entry.users > 0) return;
  try {
    await (await entry.file).close();
  } catch {
    // It never opened, or it is closed already: nothing is left to release.
  }
}
