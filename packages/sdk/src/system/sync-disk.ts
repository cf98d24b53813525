import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, readAt } from "./disk.ts";

/**
 * The file system for a caller who cannot wait: what `emit` has taken must be with the kernel when it
 * returns. Everything but reading is one system call on the caller's thread, some microseconds in the page
 * cache. Errors are Node's, with their `code`. Files are made 0600 and directories 0700.
 */
export interface SyncDisk {
  /** Makes the directory and its parents. An existing one is fine. */
  makeDirectory(path: string): void;
  /** Opens a new file. Fails if the name is taken, also by a link. */
  create(path: string): SyncFile;
  rename(from: string, to: string): void;
  /** Removes a file. A missing one is fine. */
  remove(path: string): void;
  /** What the directory's files take together, as far as `counts` takes their names. A missing one has none. */
  bytesIn(path: string, counts: (name: string) => boolean): number;
}

export interface SyncFile {
  /** Copies into the page cache and returns how many bytes it took, which on a full disk may be fewer. */
  write(bytes: Uint8Array, position: number): number;
  /** Fills `into` from `position` and returns how many bytes there were. */
  read(into: Uint8Array, position: number): Promise<number>;
  truncate(sizeBytes: number): void;
  /** Marks the file as changed now. False if nobody can find it any more: its name is gone. */
  touch(): boolean;
  close(): void;
}

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export const systemSyncDisk: SyncDisk = {
  makeDirectory,
  create(path) {
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
    return new SystemSyncFile(fs.openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE));
  },
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.rmSync(path, { force: true }),
  bytesIn(path, counts) {
    let bytes = 0;
    for (const name of namesIn(path)) {
      if (counts(name)) bytes += fs.statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  },
};

/** One step at a time, as in disk.ts: Node's `recursive` never returns where a parent cannot be made. */
function makeDirectory(path: string): void {
  const parent = dirname(path);
  try {
    makeOne(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || parent === path) throw error;
    makeDirectory(parent);
    makeOne(path);
  }
}

/** What is there already may be a file; then making something in it fails, which says so. */
function makeOne(path: string): void {
  try {
    fs.mkdirSync(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

function namesIn(path: string): readonly string[] {
  try {
    return fs.readdirSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

class SystemSyncFile implements SyncFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(bytes: Uint8Array, position: number): number {
    return fs.writeSync(this.#descriptor, bytes, 0, bytes.length, position);
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return readAt(this.#descriptor, into, position);
  }

  truncate(sizeBytes: number): void {
    fs.ftruncateSync(this.#descriptor, sizeBytes);
  }

  touch(): boolean {
    const now = new Date();
    fs.futimesSync(this.#descriptor, now, now);
    return fs.fstatSync(this.#descriptor).nlink > 0;
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}
