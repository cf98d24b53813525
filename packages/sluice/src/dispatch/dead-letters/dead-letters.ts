import { basename, dirname, join } from "node:path";
import { type Clock, codeOf, type Disk, type DiskFile, syncDirectory } from "@sluice/sdk/internal";
import { SluiceError } from "../../errors.ts";
import { type DeadLetter, encodeDeadLetter, RUN_STARTED } from "./dead-letter.ts";
import { DeadLetterRoom } from "./dead-letter-room.ts";
import { KnownLetters } from "./known-letters.ts";
import { makeDurable, scanLetters } from "./letter-scan.ts";
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

const LINE_END = Buffer.from("\n");

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
  readonly #known: KnownLetters;
  #file: DiskFile | undefined;
  #sizeBytes = 0;
  #isClosed = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: DeadLetterOptions) {
    this.#options = options;
    this.#path = deadLetterPath(options.directory, options.sink);
    this.#room = options.room ?? new DeadLetterRoom();
    this.#known = new KnownLetters(options.place);
  }

  get count(): number {
    return this.#known.count;
  }

  countFor(offset: number): number | undefined {
    return this.#known.fateOf(offset);
  }

  follows(runKey: number): boolean {
    return this.#known.follows(runKey);
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
    const retried: Buffer[] = [];
    try {
      for await (const line of linesOf(old)) {
        const changed = change(line);
        if (isRetried(changed)) retried.push(changed);
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
    for (const line of retried) this.#known.unfollowRetried(line);
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
    const { place, low } = this.#options;
    const { wholeBytes, openFrom } = await scanLetters(file, sizeBytes, {
      isOpen: (letter) => letter.place === place && letter.offsets.some((offset) => offset >= low),
      see: (letter, front) => this.#known.learn(letter, front),
    });
    if (sizeBytes > wholeBytes) await file.truncate(wholeBytes);
    this.#sizeBytes = wholeBytes;
    if (openFrom < wholeBytes) await makeDurable(file, openFrom, wholeBytes);
    this.#room.hold(this.#path, wholeBytes);
    this.#known.forgetBelow(low);
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
      this.#known.add(letter.dead);
      const [first] = letter.items;
      if (letter.items.length === 1 && first?.record.kindCode === RUN_STARTED)
        this.#known.follow(first.record.runKey);
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
}
