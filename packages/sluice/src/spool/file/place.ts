import { codeOf, type Disk, type DiskFile } from "@sluice/sdk/internal";

/** A file that is open, and the name that should lead to it. */
export interface OpenFile {
  readonly path: string;
  readonly file: DiskFile;
}

/**
 * Where the spool stands. Writing goes on to a file whose directory somebody has moved or removed: the system
 * lets it, and what is acknowledged then may never be found again. So the names are followed again and again,
 * and must still lead to the very files that are open. An open directory keeps its number from being given to
 * another.
 */
export class Place {
  readonly #disk: Disk;
  readonly #directory: OpenFile;

  private constructor(disk: Disk, directory: OpenFile) {
    this.#disk = disk;
    this.#directory = directory;
  }

  static async open(disk: Disk, path: string): Promise<Place> {
    return new Place(disk, { path, file: await disk.open(path, "read") });
  }

  /**
   * What is wrong, as a sentence; undefined where the directory and `active` are where they were. Rejects if
   * the disk cannot be asked.
   */
  async problem(active: OpenFile | undefined): Promise<string | undefined> {
    for (const open of active ? [this.#directory, active] : [this.#directory]) {
      const isThere = await this.#leadsTo(open);
      if (!isThere) {
        return `${open.path} was moved, removed or replaced while it was in use: put it back, or restart`;
      }
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#directory.file.close();
  }

  async #leadsTo({ path, file }: OpenFile): Promise<boolean> {
    const { identity } = await file.stat();
    let named: DiskFile;
    try {
      named = await this.#disk.open(path, "read");
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
    try {
      return (await named.stat()).identity === identity;
    } finally {
      await named.close();
    }
  }
}

function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ELOOP"].includes(codeOf(error) ?? "");
}
