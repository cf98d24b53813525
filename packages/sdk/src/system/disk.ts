import * as fs from "node:fs";
import * as fsp from "node:fs/promises";
import { dirname } from "node:path";

/**
 * The file system, as far as sluice uses it. Two rules shape it:
 * - `write` is synchronous, because a copy into the page cache is cheaper than a trip to the thread pool (15
 *   µs against 40), and everything that can wait for a device (`sync`, `read`, `open` …) is asynchronous, so
 *   that a hung disk hangs a pool thread and never the event loop.
 * - A write may be short. On a full disk Node reports fewer bytes and no error; the caller compares and
 *   truncates back.
 * Errors are Node's, with their `code` (ENOSPC, EIO …). Files are made 0600 and directories 0700 whatever the
 * umask is.
 */
export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Names in a directory, sorted. A missing directory has none. */
  list(path: string): Promise<string[]>;
  /** Replaces `to` if it exists. Durable only after the directory was opened and synced. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. A missing one is fine. */
  remove(path: string): Promise<void>;
  /** Makes the directory and its parents. An existing one is fine. */
  makeDirectory(path: string): Promise<void>;
  /** Bytes that this process may still write on the volume that holds `path`. */
  freeBytes(path: string): Promise<number>;
}

/**
 * "create" fails if the file exists, "write" makes it if it does not, "read" needs it; a directory opens with
 * "read". "append" is "write" for a file that others may cut meanwhile: on Linux all bytes go to its end,
 * wherever that is by now, and a position that has ceased to be makes no hole of zeros. Elsewhere the
 * position counts.
 */
export type OpenMode = "read" | "write" | "create" | "append";

export interface DiskFile {
  /** Copies into the page cache and returns how many bytes it took, which may be fewer than were given. */
  write(bytes: Uint8Array, position: number): number;
  /**
   * Fills `into` from `position` and returns how many bytes there were: fewer only where the file ends. The
   * system may give less at a time.
   */
  read(into: Uint8Array, position: number): Promise<number>;
  /**
   * fdatasync (fsync for a directory). After it failed, what was written since the last success may be gone:
   * never retry.
   */
  sync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  stat(): Promise<FileState>;
  close(): Promise<void>;
}

export interface FileState {
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  /**
   * Device and inode: equal for two handles of one file, whatever its name is by now. Absent where a disk has
   * no such thing.
   */
  readonly identity?: string;
  /**
   * False for what must never be appended to: a FIFO, a device, a file that has a second name (a planted hard
   * link).
   */
  readonly isOrdinary?: boolean;
  /** True if the user that this process runs as owns it. Absent where files have no owners. */
  readonly isOwn?: boolean;
}

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export const systemDisk: Disk = {
  async open(path, mode) {
    // Handles from fs.promises cannot write synchronously, so the descriptor is opened by hand.
    const descriptor = await openDescriptor(path, flagsOf(mode)).catch((error: unknown) =>
      // A link in place of a file may have been planted; one to a directory is how people move their logs.
      codeOf(error) === "ELOOP" && mode === "read" ? openLinkedDirectory(path, error) : Promise.reject(error),
    );
    return new SystemFile(descriptor);
  },
  async list(path) {
    try {
      return (await fsp.readdir(path)).sort();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
  },
  rename: (from, to) => fsp.rename(from, to),
  remove: (path) => fsp.rm(path, { force: true }),
  makeDirectory,
  async freeBytes(path) {
    const volume = await fsp.statfs(path);
    return volume.bavail * volume.bsize;
  },
};

/**
 * One step at a time, because Node's `recursive` never returns where the parent is there and says ENOENT all
 * the same (/proc), and calls a file that is in the way EEXIST.
 */
async function makeDirectory(path: string): Promise<void> {
  const parent = dirname(path);
  try {
    await makeOne(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || parent === path) throw error;
    await makeDirectory(parent);
    await makeOne(path);
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await fsp.mkdir(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    if (!(await fsp.stat(path)).isDirectory()) {
      throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: "ENOTDIR" });
    }
  }
}

class SystemFile implements DiskFile {
  readonly #descriptor: number;
  #isClosed = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(bytes: Uint8Array, position: number): number {
    return fs.writeSync(this.#descriptor, bytes, 0, bytes.length, position);
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return readAt(this.#descriptor, into, position);
  }

  sync(): Promise<void> {
    return promised((done) => fs.fdatasync(this.#descriptor, done));
  }

  truncate(sizeBytes: number): Promise<void> {
    return promised((done) => fs.ftruncate(this.#descriptor, sizeBytes, done));
  }

  stat(): Promise<FileState> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#descriptor, (error, stats) =>
        error
          ? reject(error)
          : resolve({
              sizeBytes: stats.size,
              modifiedAtMs: stats.mtimeMs,
              identity: `${stats.dev}:${stats.ino}`,
              isOrdinary: stats.isFile() && stats.nlink <= 1,
              ...(process.geteuid && { isOwn: stats.uid === process.geteuid() }),
            }),
      );
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await promised((done) => fs.close(this.#descriptor, done));
  }
}

function flagsOf(mode: OpenMode): number {
  const { O_APPEND, O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  // Without O_NONBLOCK a FIFO planted under the name would hang a pool thread for good; ordinary files do not
  // feel it.
  switch (mode) {
    case "read":
      return O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    case "write":
      return O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    case "append":
      return O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    case "create":
      return O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK;
  }
}

function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, FILE_MODE, (error, descriptor) => (error ? reject(error) : resolve(descriptor)));
  });
}

function openLinkedDirectory(path: string, refusal: unknown): Promise<number> {
  const { O_RDONLY, O_DIRECTORY } = fs.constants;
  return openDescriptor(path, O_RDONLY | O_DIRECTORY).catch(() => Promise.reject(refusal));
}

function promised(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
}

/** The `code` of a Node error (ENOENT, ENOSPC …), or undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** What opening and reading say of anything but a file; a file with a second name (a backup) is one. */
const NO_FILE = new Set(["EISDIR", "ELOOP", "ESPIPE", "ENXIO", "ENODEV"]);

/** True if the error says that a path is no file, rather than that it cannot be read. */
export function isNoFile(error: unknown): boolean {
  return NO_FILE.has(codeOf(error) ?? "");
}

/** Fills `into` from there, as far as the file goes; resolves with the count of bytes. */
export async function readAt(descriptor: number, into: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const count = await readOnce(descriptor, into, filled, position + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

function readOnce(descriptor: number, into: Uint8Array, filled: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(descriptor, into, filled, into.length - filled, position, (error, count) =>
      error ? reject(error) : resolve(count),
    );
  });
}
