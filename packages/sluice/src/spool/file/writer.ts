import type { Clock, Timer } from "@sluice/sdk/internal";
import type { Dedupe } from "../dedupe.ts";
import type { AppendOutcome, Durability, NewRecord, Refusal } from "../spool.ts";
import type { Waiting } from "../waiting.ts";
import type { ActiveSegment } from "./active.ts";
import { isNoSpace, messageOf } from "./failures.ts";
import { type Group, holdPart, moveTo, openGroup, spoilPart } from "./group.ts";
import type { SegmentLog } from "./log.ts";
import { Patience } from "./patience.ts";
import { AppendQueue, GAVE_UP } from "./queue.ts";
import { Refusing, SLOW } from "./refusing.ts";
import type { Space } from "./space.ts";
import { Stager } from "./stager.ts";
import { type Staging, sizeOf } from "./staging.ts";
import type { Tail } from "./tail.ts";

/**
 * How long `os` records wait for a sync. A disk that takes 20 ms for one gives a tenth of its time then, and
 * routes see a record soon enough; the promise is a second.
 */
const HOLD_MS = 200;
/**
 * Zeros are written ahead when nothing was appended for this long, so that they do not stand in the way of a
 * stream of appends.
 */
const IDLE_MS = 5;

export interface WriterParts {
  readonly clock: Clock;
  readonly log: SegmentLog;
  readonly active: ActiveSegment;
  readonly staging: Staging;
  readonly dedupe: Dedupe;
  readonly space: Space;
  readonly tail: Tail;
  readonly waiting: Waiting;
}

/**
 * Group commit. One loop runs at a time, and at any moment it does one of these:
 * - rests: nothing is queued and no sync is due; after a while it writes zeros ahead, one step at a time;
 * - stages: takes from the queue what fits behind what the group holds, gives offsets, finds duplicates. That
 *   is the *part* at hand;
 * - writes the part. If nobody in it wants the disk and there is room for more, the part is acknowledged
 *   (`os`), and the group is *held*: it stays open, and a sync is due in 200 ms;
 * - syncs the group, all parts at once. Nothing is written meanwhile; what arrives waits for the next group;
 * - settles: makes the group visible and acknowledges the part at hand, or takes that part back.
 *
 * A part that cannot be written for want of space is taken back (`full`). After any other failure the segment
 * is given up at its last durable record and the whole group goes to a new one, whose first offset ends the
 * old one there. If that fails too, the part is taken back (`failed`) and the writer refuses until a later
 * try, after a pause, succeeds. What was held before, and so acknowledged, is never taken back: it stays in
 * the staging buffer, no part is added to it while there is no segment, and a timer tries to move it.
 *
 * If the disk does not answer, the callers do not wait for it: they are told `slow`, and so is everybody who
 * comes while it hangs. Nothing is taken back by that: when the disk answers, the loop goes on where it is.
 */
export class Writer {
  readonly #parts: WriterParts;
  readonly #queue = new AppendQueue();
  readonly #stager: Stager;
  readonly #refusing: Refusing;
  readonly #patience: Patience;
  #isRunning = false;
  #isClosed = false;
  /** What is written, or being written, and not synced yet. */
  #group: Group | undefined;
  #isSyncDue = false;
  #syncTimer: Timer | undefined;
  #lastActiveMs = 0;
  #idleTimer: Timer | undefined;
  #whenResting: (() => void)[] = [];

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#stager = new Stager(this.#queue, parts);
    this.#refusing = new Refusing(parts.clock, parts.space);
    this.#patience = new Patience(parts.clock, () => this.#losePatience());
  }

  get refusing(): Refusal | undefined {
    return this.#refusing.current;
  }

  /** Records that are acknowledged and not durable yet. */
  get unsynced(): number {
    return this.#group?.held.records ?? 0;
  }

  append(
    records: readonly NewRecord[],
    signal: AbortSignal | undefined,
    durability: Durability,
  ): Promise<readonly AppendOutcome[]> {
    let bytes = 0;
    for (const record of records) bytes += record.body.length;
    const refusal = this.#refusalOf(bytes, signal);
    if (refusal) return Promise.resolve(records.map(() => refusal));
    return new Promise((resolve) => {
      const cameAt = this.#patience.tick;
      this.#queue.push({ records, bytes, durability, cameAt, outcomes: [], resolve }, signal);
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Lets go of what a trim has freed. */
  madeRoom(): void {
    this.#refusing.madeRoom();
  }

  /** Resolves when nothing is queued and the zeros ahead are written. */
  resting(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenResting.push(resolve);
      if (!this.#isRunning) void this.#fillAhead();
    });
  }

  /**
   * Finishes what was appended before, and syncs it. Later appends fail. Rejects if records that were
   * acknowledged could not be synced.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#idleTimer?.cancel();
    this.#syncTimer?.cancel();
    this.#refusing.close();
    await this.resting();
    if (this.#group) {
      this.#isSyncDue = true;
      await this.#run();
    }
    this.#patience.close();
    await this.#parts.active.close();
    if (this.unsynced > 0) {
      const reason = this.#refusing.current?.reason ?? "";
      throw new Error(
        `${this.unsynced} events that were acknowledged as "os" could not be synced: ${reason}`,
      );
    }
  }

  #refusalOf(bytes: number, signal: AbortSignal | undefined): Refusal | undefined {
    if (this.#isClosed) return { status: "failed", reason: "the spool is closed" };
    if (signal?.aborted) return GAVE_UP;
    if (this.#refusing.isSlow) return SLOW;
    return this.#queue.refusalOf(bytes);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (!this.#queue.isEmpty || (this.#isSyncDue && this.#group)) {
        this.#patience.step();
        await this.#commitNext();
        this.#refusing.answered();
      }
    } catch (error) {
      // A bug or an assert: nothing that is staged can be trusted, and later appends would find the same.
      this.#isClosed = true;
      const reason = `the spool's writer has stopped: ${messageOf(error)}`;
      const refusal: Refusal = { status: "failed", reason };
      this.#refusing.refuse(refusal);
      this.#takeBack(refusal);
      this.#queue.refuseAll(refusal);
    } finally {
      this.#isRunning = false;
    }
    this.#rest();
  }

  async #commitNext(): Promise<void> {
    const { active, space, log, staging } = this.#parts;
    const refusing = this.#refusing;
    const isDue = this.#isSyncDue || this.#isClosed;
    this.#isSyncDue = false;
    try {
      const next = this.#queue.nextRecord;
      if (next && refusing.current && this.#isPausing) this.#queue.refuseAll(refusing.current);
      else if (next) {
        if (space.isStale) await space.look();
        if (!this.#group && !active.hasRoom(sizeOf(next))) await active.replace(log.nextOffset);
      }
    } catch (error) {
      this.#queue.refuseAll(refusing.fail(error));
    }
    if (!this.#group) {
      if (this.#queue.isEmpty) return;
      staging.begin(active.salt, active.position);
      this.#group = openGroup(log.nextOffset);
    }
    const group = this.#group;
    const isStranded = group.held.records > 0 && !active.isOpen;
    if (!isStranded) this.#stager.fill(group);
    else if (this.#isPausing) return this.#syncIn(refusing.pauseMs);
    const stored = group.records > 0 ? await this.#store(group, isDue) : "durable";
    this.#settle(group, stored);
  }

  get #isPausing(): boolean {
    return this.#refusing.pauseMs > 0 && !this.#isClosed;
  }

  /** Writes the part at hand, and syncs the group unless it may be held. */
  async #store(group: Group, isDue: boolean): Promise<Stored> {
    const { active, staging, space } = this.#parts;
    if (!active.isOpen) return this.#storeElsewhere(group);
    const heldBytes = group.held.bytes;
    if (staging.bytes > heldBytes) {
      space.wrote(staging.bytes - heldBytes);
      try {
        active.write(staging.packed(heldBytes), heldBytes);
      } catch (error) {
        if (isNoSpace(error) && (await active.takeBack(heldBytes))) return this.#refusing.fail(error);
        return this.#storeElsewhere(group);
      }
    }
    if (!group.isForDisk && !group.unfinished && !staging.isFull && !isDue) return "written";
    try {
      await active.sync();
      return "durable";
    } catch {
      return this.#storeElsewhere(group); // If that fails as well, its error is the one to tell.
    }
  }

  async #storeElsewhere(group: Group): Promise<Stored> {
    const { active, staging } = this.#parts;
    // If the part at hand is refused in the end, it must not be there at the next start.
    if (active.isOpen) await active.takeBack(group.held.bytes);
    try {
      await active.replace(group.firstOffset, (salt, position) => {
        moveTo(group, position);
        staging.move(salt, position);
        return staging.packed();
      });
      return "durable";
    } catch (error) {
      return this.#refusing.fail(error);
    }
  }

  #settle(group: Group, stored: Stored): void {
    this.#lastActiveMs = this.#parts.clock.monotonicMs();
    switch (stored) {
      case "durable":
        this.#group = undefined;
        if (group.records > 0) this.#show(group);
        this.#acknowledge(group);
        return;
      case "written":
        this.#acknowledge(group);
        holdPart(group, this.#parts.staging.bytes);
        this.#syncIn(HOLD_MS);
        return;
      default:
        this.#takeBack(stored);
    }
  }

  /** A durable group is there for everybody. */
  #show(group: Group): void {
    const { log, staging, active, tail, waiting } = this.#parts;
    active.commit(group.places, staging.bytes, group.firstOffset + group.records);
    log.nextOffset = group.firstOffset + group.records;
    tail.push(staging.records);
    this.#refusing.stored();
    this.#syncTimer?.cancel();
    this.#syncTimer = undefined;
    waiting.wake();
  }

  #acknowledge(group: Group): void {
    for (const request of group.finished) {
      if (request.refusal) this.#refusing.refuse(request.refusal);
      request.resolve(request.outcomes);
    }
  }

  /** Takes back the part at hand. What was held before stays, and is tried again when it may be. */
  #takeBack(refusal: Refusal): void {
    const group = this.#group;
    if (!group) return;
    this.#stager.forget(group);
    for (const request of spoilPart(group, refusal)) request.resolve(request.outcomes);
    if (group.held.records === 0) this.#group = undefined;
    else this.#syncIn(this.#refusing.pauseMs);
  }

  #syncIn(delayMs: number): void {
    if (this.#isClosed) return;
    this.#syncTimer ??= this.#parts.clock.after(delayMs, () => {
      this.#syncTimer = undefined;
      this.#isSyncDue = true;
      if (!this.#isRunning) void this.#run();
    });
  }

  /** At every tick: whoever has waited long enough is answered, and everybody if the disk hangs. */
  #losePatience(): boolean {
    if (!this.#isRunning) return false;
    const { isHung, lateTick } = this.#patience;
    if (isHung) this.#refusing.refuse(SLOW);
    const upTo = isHung ? Number.POSITIVE_INFINITY : lateTick;
    this.#queue.answerUpTo(upTo, SLOW);
    for (const { cameAt, records, resolve } of this.#group?.finished ?? []) {
      if (cameAt <= upTo) resolve(records.map(() => SLOW));
    }
    return true;
  }

  #rest(): void {
    if (this.#whenResting.length > 0) void this.#fillAhead();
    else this.#fillWhenIdle();
  }

  #fillWhenIdle(): void {
    if (this.#idleTimer || this.#isClosed || !this.#parts.active.wantsZeros) return;
    this.#idleTimer = this.#parts.clock.after(IDLE_MS, () => {
      this.#idleTimer = undefined;
      if (this.#isRunning) return;
      const isIdle = this.#parts.clock.monotonicMs() - this.#lastActiveMs >= IDLE_MS;
      if (isIdle) void this.#fillAhead();
      else this.#fillWhenIdle();
    });
  }

  /** Writes zeros ahead until there are enough or somebody appends. */
  async #fillAhead(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#mayFillAhead) {
        this.#patience.step();
        if (!(await this.#parts.active.fillAhead())) break;
      }
    } finally {
      this.#isRunning = false;
    }
    this.#refusing.answered();
    if (!this.#queue.isEmpty || (this.#isSyncDue && this.#group)) return this.#run();
    for (const resolve of this.#whenResting.splice(0)) resolve();
  }

  get #mayFillAhead(): boolean {
    return this.#queue.isEmpty && !this.#isSyncDue && !this.#isClosed;
  }
}

/** What became of the part at hand: synced with its group, written only, or not stored. */
type Stored = "durable" | "written" | Refusal;
