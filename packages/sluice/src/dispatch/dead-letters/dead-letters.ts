import { basename, dirname, join } from "node:path";
import { type Clock, codeOf, type Disk, type DiskFile, syncDirectory } from "@sluice/sdk/internal";
import { SluiceError } from "../../errors.ts";
import {
  type DeadLetter,
  encodeDeadLetter,
  hasHole,
  type KnownLetter,
  LINE_FEED,
  RUN_STARTED,
  readKnown,
} from "./dead-letter.ts";
import { DeadLetterRoom } from "./dead-letter-room.ts";
import { isRetried, linesOf } from "./stored-letter.ts";

/**
 * The dead letters of one sink: `<directory>/<sink>.jsonl`, one line each (see dead-letter.ts). A line is
 * written and synced before the ledger settles its events, so a crash between the two leaves a line whose
 * events are not settled: on the next start they are known (`countFor`) and settle without being sent or
 * written again. A torn last line is cut off at open, a line that a power cut has left with a hole counts for
 * nothing, so its events are sent or written again; a short write is truncated back, and after a failed sync
 * the file is opened anew and the letters are written again, never synced a second time on trust.
 */
export interface DeadLetters {
  /**
   * Resolves when all of them are on disk ("written"), none is because the cap is reached ("full"), or the
   * disk failed ("failed": try again later, the events are not settled). Calls are served in order.
   */
  append(letters: readonly DeadLetter[]): Promise<"written" | "full" | "failed">;
  /**
   * Events of this route that stand in the file although the ledger had not settled them: 1 if dead, 0 if
   * delivered in a group.
   */
  countFor(offset: number): number | undefined;
  /** Does this run follow its dead start? */
  follows(runKey: number): boolean;
  /**
   * Puts something else in the place of lines (given without their ends), by a new file; those that come
   * back as they were are kept. Durable when it resolves. Rejects if the disk fails, and then nothing has
   * changed, or it has and a power cut can undo it; and once it is closed.
   */
  rewrite(change: (line: Buffer) => Buffer): Promise<void>;
  /** Dead events in the file, those of earlier lives of the route included. */
  readonly count: number;
  close(): Promise<void>;
}

export interface DeadLetterOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly directory: string;
  readonly sink: string;
  readonly place: string;
  /** The ledger's low offset: what is below it is settled, and need not be known. */
  readonly low: number;
  /** Shared by all sinks of a data dir. */
  readonly room?: DeadLetterRoom;
}

/** Runs whose start is a dead letter. Older ones have long ended. */
const FOLLOWED_RUNS_MAX = 10_000;
const LINE_END = Buffer.from("\n");
const SCAN_BYTES = 1024 * 1024;
/** The front of a line is read, and no more: a group names at most a batch of offsets. */
const FRONT_BYTES_MAX = 64 * 1024;

export function deadLetterPath(directory: string, sink: string): string {
  return join(directory, `${sink}.jsonl`);
}

/** Those of a sink that has another name now. Where there are some of that name already, both files stay. */
export async function moveDeadLetters(
  {
    disk,
    directory,
    room,
  }: Pick<DeadLetterOptions, "disk" | "directory"> & { readonly room: DeadLetterRoom },
  from: string,
  to: string,
): Promise<void> {
  const names = await disk.list(directory);
  const [old, now] = [deadLetterPath(directory, from), deadLetterPath(directory, to)];
  if (!names.includes(basename(old)) || names.includes(basename(now))) return;
  await disk.rename(old, now);
  room.moved(old, now);
  await syncDirectory(disk, directory);
}

export async function openDeadLetters(options: DeadLetterOptions): Promise<DeadLetters> {
  const { disk, directory } = options;
  await disk.makeDirectory(directory);
  // The directory itself has to last as well, or a power cut takes every letter in it.
  await syncDirectory(disk, dirname(directory));
  const letters = new DeadLetterFile(options);
  await letters.open();
  return letters;
}

class DeadLetterFile implements DeadLetters {
  readonly #options: DeadLetterOptions;
  readonly #path: string;
  readonly #room: DeadLetterRoom;
  readonly #known = new Map<number, number>();
  readonly #followed = new Set<number>();
  #file: DiskFile | undefined;
  #sizeBytes = 0;
  #count = 0;
  #isClosed = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: DeadLetterOptions) {
    this.#options = options;
    this.#path = deadLetterPath(options.directory, options.sink);
    this.#room = options.room ?? new DeadLetterRoom();
  }

  get count(): number {
    return this.#count;
  }

  countFor(offset: number): number | undefined {
    return this.#known.get(offset);
  }

  follows(runKey: number): boolean {
    return runKey !== 0 && this.#followed.has(runKey);
  }

  append(letters: readonly DeadLetter[]): Promise<"written" | "full" | "failed"> {
    const appended = this.#queue.then(() => this.#append(letters));
    this.#queue = appended;
    return appended;
  }

  rewrite(change: (line: Buffer) => Buffer): Promise<void> {
    const rewritten = this.#queue.then(() => this.#rewrite(change));
    this.#queue = rewritten.catch(() => undefined);
    return rewritten;
  }

  async #rewrite(change: (line: Buffer) => Buffer): Promise<void> {
    const { disk, directory, sink } = this.#options;
    // Whoever closed it may have opened it anew, and counts on its size.
    if (this.#isClosed) throw new SluiceError("SINK_NOT_RUNNING", { name: sink });
    const temporary = `${this.#path}.new`;
    this.#file ??= await this.#reopen();
    const old = this.#file;
    await disk.remove(temporary);
    const file = await disk.open(temporary, "create");
    let sizeBytes = 0;
    try {
      for await (const line of linesOf(old)) {
        const changed = change(line);
        if (isRetried(changed)) this.#unfollow(changed);
        const bytes = Buffer.concat([changed, LINE_END]);
        if (file.write(bytes, sizeBytes) < bytes.length) throw new Error(`${temporary}: the disk is full`);
        sizeBytes += bytes.length;
      }
      await file.sync();
      await disk.rename(temporary, this.#path);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    // The old one has no name any more: what is written from now on must not go there.
    this.#file = file;
    this.#room.hold(this.#path, sizeBytes);
    this.#sizeBytes = sizeBytes;
    await old.close();
    try {
      await syncDirectory(disk, directory);
    } catch (error) {
      await this.#abandon();
      throw error;
    }
  }

  async open(): Promise<void> {
    const { disk, directory } = this.#options;
    // What a rewriting has left that did not come to its end.
    await disk.remove(`${this.#path}.new`);
    const file = await disk.open(this.#path, "write");
    this.#file = file;
    // The entry in the directory has to last as long as the first line.
    await syncDirectory(disk, directory);
    const { sizeBytes } = await file.stat();
    const { wholeBytes, openFrom } = await this.#scan(file, sizeBytes);
    if (sizeBytes > wholeBytes) await file.truncate(wholeBytes);
    this.#sizeBytes = wholeBytes;
    if (openFrom < wholeBytes) await makeDurable(file, openFrom, wholeBytes);
    this.#room.hold(this.#path, wholeBytes);
    for (const offset of this.#known.keys()) if (offset < this.#options.low) this.#known.delete(offset);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#queue;
    const file = this.#file;
    this.#file = undefined;
    this.#sizeBytes = 0;
    await file?.close();
  }

  async #append(letters: readonly DeadLetter[]): Promise<"written" | "full" | "failed"> {
    const { clock, sink, place } = this.#options;
    if (this.#isClosed) return "failed";
    const at = new Date(clock.nowMs()).toISOString();
    const lines = Buffer.concat(letters.map((letter) => encodeDeadLetter(letter, { sink, place, at })));
    if (!this.#room.has(lines.length)) return "full";
    try {
      this.#file ??= await this.#reopen();
      if (!(await this.#write(this.#file, lines))) return "failed";
      await this.#file.sync();
    } catch (error) {
      // Only what a disk says is an outcome; anything else is a bug and goes up.
      if (codeOf(error) === undefined) throw error;
      await this.#abandon();
      return "failed";
    }
    this.#sizeBytes += lines.length;
    this.#room.hold(this.#path, this.#sizeBytes);
    for (const letter of letters) {
      this.#count += letter.dead;
      const [first] = letter.items;
      if (letter.items.length === 1 && first?.record.kindCode === RUN_STARTED)
        this.#follow(first.record.runKey);
    }
    return "written";
  }

  async #write(file: DiskFile, lines: Uint8Array): Promise<boolean> {
    const written = file.write(lines, this.#sizeBytes);
    if (written === lines.length) return true;
    await file.truncate(this.#sizeBytes);
    return false;
  }

  async #reopen(): Promise<DiskFile> {
    const { disk, directory } = this.#options;
    const file = await disk.open(this.#path, "write");
    await file.truncate(this.#sizeBytes);
    await syncDirectory(disk, directory);
    return file;
  }

  async #abandon(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // Its events are tried again, and may be delivered: then no letter must be left of them.
    await file?.truncate(this.#sizeBytes).catch(() => undefined);
    // It failed already; that it cannot even be closed adds nothing.
    await file?.close().catch(() => undefined);
  }

  #follow(runKey: number): void {
    if (runKey === 0) return;
    this.#followed.add(runKey);
    if (this.#followed.size <= FOLLOWED_RUNS_MAX) return;
    for (const oldest of this.#followed) {
      this.#followed.delete(oldest);
      return;
    }
  }

  /** Its start has arrived after all, and the rest of the run can. */
  #unfollow(line: Buffer): void {
    const known = readKnown(line.toString("latin1"));
    if (known?.opensRun) this.#followed.delete(known.runKey);
  }

  /**
   * Reads the front of every line; returns where the last whole one ends, and where the first one begins that
   * the ledger does not know.
   */
  async #scan(
    file: DiskFile,
    sizeBytes: number,
  ): Promise<{ readonly wholeBytes: number; readonly openFrom: number }> {
    const chunk = Buffer.alloc(Math.min(SCAN_BYTES, sizeBytes));
    let front = "";
    let isTorn = false;
    let wholeBytes = 0;
    let openFrom = Number.POSITIVE_INFINITY;
    for (let position = 0; ; ) {
      const count = await file.read(chunk, position);
      if (count === 0) return { wholeBytes, openFrom };
      let start = 0;
      for (;;) {
        const end = chunk.subarray(0, count).indexOf(LINE_FEED, start);
        const piece = chunk.subarray(start, end < 0 ? count : end);
        isTorn ||= hasHole(piece);
        if (front.length < FRONT_BYTES_MAX) front += piece.toString("latin1", 0, FRONT_BYTES_MAX);
        if (end < 0) break;
        if (!isTorn && (await this.#learnLine(file, front, wholeBytes, position + end))) {
          openFrom = Math.min(openFrom, wholeBytes);
        }
        front = "";
        isTorn = false;
        start = end + 1;
        wholeBytes = position + start;
      }
      position += count;
    }
  }

  /**
   * True if the line from `from` to `to`, of which `front` is the beginning, stands for events that the
   * ledger has not settled. Then it is read whole: a power cut may have kept some of its sectors and not
   * others, and what is not JSON is no letter.
   */
  async #learnLine(file: DiskFile, front: string, from: number, to: number): Promise<boolean> {
    const known = readKnown(front);
    if (!known) return false;
    const { place, low } = this.#options;
    const isOpen = known.place === place && known.offsets.some((offset) => offset >= low);
    if (isOpen && !(await isJson(file, from, to))) return false;
    this.#learn(known);
    if (known.opensRun && isRetried(Buffer.from(front, "latin1"))) this.#followed.delete(known.runKey);
    return isOpen;
  }

  #learn(known: KnownLetter): void {
    if (known.place !== this.#options.place) {
      this.#count += known.count;
      return;
    }
    if (known.opensRun) this.#follow(known.runKey);
    for (const [index, offset] of known.offsets.entries()) {
      // The first `count` of a group stand for its dead: nobody knows which they are, and the sum is what has
      // to be right.
      if (this.#known.has(offset)) continue;
      const dead = index < known.count ? 1 : 0;
      this.#known.set(offset, dead);
      this.#count += dead;
    }
  }
}

async function isJson(file: DiskFile, from: number, to: number): Promise<boolean> {
  const line = Buffer.alloc(to - from);
  await file.read(line, from);
  try {
    JSON.parse(line.toString());
    return true;
  } catch {
    return false; // The syntax is all that is asked for.
  }
}

/**
 * An earlier process may have died before these lines were synced, or after their sync had failed; then the
 * kernel takes them for written, and another sync alone would report success without writing them. Their
 * events are about to be settled on their word.
 */
async function makeDurable(file: DiskFile, from: number, to: number): Promise<void> {
  const chunk = Buffer.alloc(Math.min(SCAN_BYTES, to - from));
  for (let position = from; position < to; ) {
    const count = await file.read(chunk.subarray(0, to - position), position);
    const written = count === 0 ? 0 : file.write(chunk.subarray(0, count), position);
    if (written === 0) throw Object.assign(new Error("ENOSPC: dead letters"), { code: "ENOSPC" });
    position += written;
  }
  await file.sync();
}
