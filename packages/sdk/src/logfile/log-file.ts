import { dirname } from "node:path";
import type { Clock } from "../system/clock.ts";
import { codeOf, type Disk, type DiskFile } from "../system/disk.ts";
import { syncDirectory } from "../system/sync-directory.ts";
import { isDue, type Rotation, rotate } from "./rotation.ts";
import { type LogFormat, repairTail } from "./torn-tail.ts";

/**
 * A file that entries are appended to: the one writer behind the file sink and the file emitter.
 *
 * What it promises. An entry that `append` counts as kept is on the disk whole, and stays. A failed append
 * leaves nothing behind: the file is cut back to the last whole entry, at once if the disk lets us, else by
 * the repair at the next open. Entries of one call stand together and in order, also across a rotation; calls
 * are served one after the other.
 *
 * Who else touches the file. Before each append the name is looked at again: if the file was renamed or
 * removed (logrotate), or has another size than we left (`> events.jsonl`), it is opened anew. One that is
 * emptied between that look and the write gets the write at its new end (Linux). Two writers at once are not
 * supported.
 */
export interface LogFile {
  /** Entries without their terminator. Never rejects: see `AppendResult`. */
  append(entries: readonly Uint8Array[]): Promise<AppendResult>;
  /** Opens the file, as the first append would; rejects with Node's error if that cannot be done. */
  open(): Promise<void>;
  /** Waits for appends that were called, then lets the file go. Idempotent. */
  close(): Promise<void>;
}

export interface AppendResult {
  /** The first so many entries are kept; the others left no trace. */
  readonly kept: number;
  readonly error?: unknown;
}

export interface LogFileOptions {
  readonly path: string;
  readonly format: LogFormat;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly rotation?: Rotation;
  /**
   * A directory that is never made: while it is away (moved, or a volume that is not mounted) the file cannot
   * be had. Directories below it are made.
   */
  readonly within?: string;
  /** Sync before an entry counts as kept. Default true; without it a power cut may take the last seconds. */
  readonly durable?: boolean;
}

export function createLogFile(options: LogFileOptions): LogFile {
  return new AppendOnlyFile(options);
}

interface Current {
  readonly file: DiskFile;
  readonly identity: string | undefined;
  sizeBytes: number;
  writtenAtMs: number;
}

class AppendOnlyFile implements LogFile {
  readonly #options: LogFileOptions;
  readonly #rotation: Rotation;
  readonly #terminator: Buffer;
  #current: Current | undefined;
  /** The last call; the next one waits for it. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#rotation = options.rotation ?? {};
    this.#terminator = Buffer.from(options.format.terminator);
  }

  append(entries: readonly Uint8Array[]): Promise<AppendResult> {
    return this.#inTurn(() => this.#appendAll(entries));
  }

  open(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#ready();
    });
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#release());
  }

  #inTurn<Result>(action: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(action);
    // The chain only orders the calls; a failure belongs to the caller it happened to.
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #appendAll(entries: readonly Uint8Array[]): Promise<AppendResult> {
    let kept = 0;
    try {
      while (kept < entries.length) {
        const current = await this.#withRoomFor(this.#lengthOf(entries, kept));
        const count = this.#countThatFits(entries, kept, current.sizeBytes);
        await this.#write(current, this.#join(entries.slice(kept, kept + count)));
        kept += count;
      }
      return { kept };
    } catch (error) {
      await this.#release();
      return { kept, error };
    }
  }

  /** The open file, after a rotation if the next entry calls for one. */
  async #withRoomFor(entryBytes: number): Promise<Current> {
    const current = await this.#ready();
    const nowMs = this.#options.clock.nowMs();
    if (!isDue(this.#rotation, current, entryBytes, nowMs)) return current;
    await this.#release();
    await rotate(this.#options.disk, this.#options.path, this.#rotation, nowMs);
    return this.#ready();
  }

  async #ready(): Promise<Current> {
    if (this.#current && (await this.#isStillOurs(this.#current))) return this.#current;
    await this.#release();
    const { disk, path, format, within } = this.#options;
    if (within !== undefined) await (await disk.open(within, "read")).close();
    await disk.makeDirectory(dirname(path));
    const file = await disk.open(path, "append");
    try {
      const state = await file.stat();
      if (state.isOrdinary === false) throw new NotOrdinaryError(path);
      const sizeBytes = await repairTail(file, state.sizeBytes, format);
      if (state.sizeBytes === 0) await syncDirectory(disk, dirname(path));
      this.#current = { file, identity: state.identity, sizeBytes, writtenAtMs: state.modifiedAtMs };
      return this.#current;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #isStillOurs(current: Current): Promise<boolean> {
    let named: DiskFile;
    try {
      named = await this.#options.disk.open(this.#options.path, "read");
    } catch (error) {
      if (codeOf(error) === "ENOENT") return false;
      throw error;
    }
    try {
      const state = await named.stat();
      return state.identity === current.identity && state.sizeBytes === current.sizeBytes;
    } finally {
      await named.close();
    }
  }

  #lengthOf(entries: readonly Uint8Array[], index: number): number {
    return (entries[index]?.length ?? 0) + this.#terminator.length;
  }

  /** At least one, and no more than the rotation's size allows. */
  #countThatFits(entries: readonly Uint8Array[], from: number, sizeBytes: number): number {
    const maxBytes = this.#rotation.maxBytes ?? Number.POSITIVE_INFINITY;
    let totalBytes = sizeBytes + this.#lengthOf(entries, from);
    let index = from + 1;
    for (; index < entries.length; index++) {
      totalBytes += this.#lengthOf(entries, index);
      if (totalBytes > maxBytes) break;
    }
    return index - from;
  }

  #join(entries: readonly Uint8Array[]): Buffer {
    let sizeBytes = entries.length * this.#terminator.length;
    for (const entry of entries) sizeBytes += entry.length;
    const joined = Buffer.allocUnsafe(sizeBytes);
    let position = 0;
    for (const entry of entries) {
      joined.set(entry, position);
      joined.set(this.#terminator, position + entry.length);
      position += entry.length + this.#terminator.length;
    }
    return joined;
  }

  async #write(current: Current, bytes: Buffer): Promise<void> {
    const { clock, durable = true } = this.#options;
    try {
      let written = 0;
      while (written < bytes.length) {
        const count = current.file.write(bytes.subarray(written), current.sizeBytes + written);
        // A full disk shows as a short write without an error; the next write would name it, unless it takes
        // nothing at all.
        if (count === 0) throw new Error("the disk took no bytes");
        written += count;
      }
      if (durable) await current.file.sync();
    } catch (error) {
      // What could not be cut off now is cut off by the repair when the file is next opened.
      await cutBack(current).catch(() => undefined);
      throw error;
    }
    current.sizeBytes += bytes.length;
    current.writtenAtMs = clock.nowMs();
  }

  async #release(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (!current) return;
    if (this.#options.durable === false) await current.file.sync().catch(() => undefined);
    // Everything that was promised is synced; a close that fails after that loses nothing.
    await current.file.close().catch(() => undefined);
  }
}

/** Only ever shorter: if somebody has emptied it meanwhile, its old size would be a hole of zeros. */
async function cutBack({ file, sizeBytes }: Current): Promise<void> {
  if ((await file.stat()).sizeBytes > sizeBytes) await file.truncate(sizeBytes);
}

class NotOrdinaryError extends Error {
  readonly code = "EINVAL";

  constructor(path: string) {
    super(
      `${path} is not an ordinary file with one name (a pipe, a device or a hard link): it is not written to`,
    );
  }
}
