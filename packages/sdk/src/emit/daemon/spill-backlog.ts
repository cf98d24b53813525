import { BODY_BYTES_MAX, ITEMS_PER_REQUEST_MAX } from "../../event/limits.ts";
import type { Clock, Timer } from "../../system/clock.ts";
import { type Backlog, type Lines, REQUEST_BYTES } from "./backlog.ts";
import type { SpillDirectory } from "./spill-directory.ts";
import type { SpillFile } from "./spill-file.ts";

/** After so much a file is full, so that what is acknowledged gives its space back under a steady load too. */
const FILE_BYTES = 4 * 1024 * 1024;
/** A daemon that cannot see this process (another container) takes ten minutes of silence for its end. */
const TOUCH_EVERY_MS = 60_000;
const LINE_FEED = 0x0a;

/**
 * Lines that wait in spill files. `add` has the line with the kernel when it returns, so it is there whatever
 * becomes of this process; what is sent is read back from there, and memory holds one request.
 */
export class SpillBacklog implements Backlog {
  readonly #directory: SpillDirectory;
  readonly #clock: Clock;
  /** Oldest first; the last one is written to. */
  #files: SpillFile[] = [];
  #isNewestFull = false;
  #roomBytes = 0;
  #waitingBytes = 0;
  #request = Buffer.alloc(0);
  #given: Lines | undefined;
  #touching: Timer | undefined;

  constructor(directory: SpillDirectory, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  get sizeBytes(): number {
    return this.#waitingBytes;
  }

  add(line: Uint8Array): boolean {
    const file = this.#writable();
    if (file === undefined || !this.#hasRoom(line.length)) return false;
    try {
      file.append(line);
    } catch (error) {
      this.#directory.tell(error);
      return false;
    }
    this.#waitingBytes += line.length;
    this.#roomBytes -= line.length;
    return true;
  }

  async next(): Promise<Lines | undefined> {
    const file = this.#files.find(({ waitingBytes }) => waitingBytes > 0);
    if (file === undefined) return undefined;
    this.#given ??= await this.#read(file);
    return this.#given;
  }

  settle(): void {
    if (this.#given === undefined) return;
    const settledBytes = this.#given.bytes.length;
    this.#given = undefined;
    while (this.#files.length > 1 && this.#files[0]?.waitingBytes === 0) this.#removeOldest();
    const [file] = this.#files;
    if (file === undefined) return;
    this.#waitingBytes -= settledBytes;
    const beforeBytes = file.writtenBytes;
    try {
      file.settle(settledBytes);
    } catch (error) {
      this.#directory.tell(error);
    }
    this.#roomBytes += beforeBytes - file.writtenBytes;
    if (file.waitingBytes === 0 && this.#files.length > 1) this.#removeOldest();
  }

  leave(): number {
    this.#touching?.cancel();
    for (const file of this.#files) {
      try {
        file.leave();
      } catch (error) {
        // It stays under its live name, and is found when this process is gone.
        this.#directory.tell(error);
      }
    }
    this.#files = [];
    this.#waitingBytes = 0;
    return 0;
  }

  #writable(): SpillFile | undefined {
    const newest = this.#files.at(-1);
    if (newest !== undefined && newest.writtenBytes < FILE_BYTES && !this.#isNewestFull) return newest;
    const file = this.#directory.create();
    if (file === undefined) return undefined;
    this.#files.push(file);
    this.#isNewestFull = false;
    this.#roomBytes = this.#directory.roomBytes();
    this.#touching ??= this.#clock.after(TOUCH_EVERY_MS, () => this.#touch());
    return file;
  }

  #hasRoom(bytes: number): boolean {
    if (bytes <= this.#roomBytes) return true;
    this.#directory.tellFull();
    return false;
  }

  #removeOldest(): void {
    const file = this.#files.shift();
    if (file === undefined) return;
    this.#roomBytes += file.writtenBytes;
    try {
      file.remove();
    } catch (error) {
      this.#directory.tell(error);
    }
  }

  async #read(file: SpillFile, bytesMax = REQUEST_BYTES): Promise<Lines> {
    const wanted = Math.min(file.waitingBytes, bytesMax);
    if (this.#request.length < wanted) this.#request = Buffer.allocUnsafeSlow(wanted);
    const count = await file.read(this.#request.subarray(0, wanted));
    const lines = wholeLines(this.#request.subarray(0, count));
    if (lines.events > 0) return lines;
    // We write whole lines, and none is longer than a body: somebody else has written into the file.
    if (wanted < bytesMax || bytesMax === BODY_BYTES_MAX) throw new Error("a spill file has no line feed");
    // One line that is longer than a request should be.
    return this.#read(file, Math.min(2 * bytesMax, BODY_BYTES_MAX));
  }

  #touch(): void {
    this.#touching = this.#clock.after(TOUCH_EVERY_MS, () => this.#touch());
    this.#roomBytes = this.#directory.roomBytes();
    for (const [index, file] of this.#files.entries()) {
      try {
        if (!file.touch() && index === this.#files.length - 1) this.#isNewestFull = true;
      } catch (error) {
        this.#directory.tell(error);
      }
    }
  }
}

/** The whole lines at the beginning of `bytes`, as many as one request may have. */
function wholeLines(bytes: Uint8Array): Lines {
  let events = 0;
  let end = 0;
  while (events < ITEMS_PER_REQUEST_MAX) {
    const at = bytes.indexOf(LINE_FEED, end);
    if (at < 0) break;
    end = at + 1;
    events++;
  }
  return { bytes: bytes.subarray(0, end), events };
}
