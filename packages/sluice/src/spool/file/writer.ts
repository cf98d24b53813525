import type { Clock, Timer } from "@sluice/sdk/internal";
import type { Dedupe } from "../dedupe.ts";
import { writeEventKey } from "../keys.ts";
import { type AppendOutcome, FLAG_RESERVE, type NewRecord } from "../spool.ts";
import type { Waiting } from "../waiting.ts";
import type { ActiveSegment } from "./active.ts";
import { isNoSpace, messageOf } from "./failures.ts";
import { type Group, type Refusal, type Request, type Stored, spoil } from "./group.ts";
import type { SegmentLog } from "./log.ts";
import { AppendQueue, GAVE_UP } from "./queue.ts";
import { RECORD_BODY_BYTES_MAX } from "./record.ts";
import type { Space } from "./space.ts";
import { type Staging, sizeOf } from "./staging.ts";
import type { Tail } from "./tail.ts";

/**
 * After two failures in a row nothing is tried for a while: short first, and never longer than a person would
 * wait to see.
 */
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 5_000;
/**
 * Zeros are written ahead when nothing was appended for this long, so that they do not stand in the way of a
 * stream of appends.
 */
const IDLE_MS = 5;

/** While nobody appends: often enough that whoever waits for readiness does not wait for us. */
const LOOK_AGAIN_MS = 1_000;
/** Less room than a usual event and its zeros take is none. */
const ROOM_BYTES = 64 * 1024;

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
 * Group commit. One loop runs at a time, so at any moment the writer does one of these:
 * - rests: nothing is queued; after a while it writes zeros ahead, one step at a time;
 * - stages: takes from the queue what fits into one group, gives offsets, finds duplicates;
 * - stores: one write, one sync. Nothing else is written meanwhile; what arrives waits for the next group;
 * - settles: makes the group visible and acknowledges it, or takes all of it back.
 *
 * A group that cannot be stored for want of space is taken back (`full`). After any other failure the segment
 * is given up at its last durable record and the group goes to a new one, whose first offset ends the old one
 * there; if that fails too, it is taken back (`failed`) and the writer refuses until a later append, after a
 * pause, succeeds.
 */
export class Writer {
  readonly #parts: WriterParts;
  readonly #queue = new AppendQueue();
  #isRunning = false;
  #isClosed = false;
  #group: Group | undefined;
  #refusal: Refusal | undefined;
  #backoffMs = 0;
  #retryAtMs = 0;
  #lastActiveMs = 0;
  #idleTimer: Timer | undefined;
  #roomTimer: Timer | undefined;
  #whenResting: (() => void)[] = [];

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  get refusing(): string | undefined {
    return this.#refusal?.reason;
  }

  append(records: readonly NewRecord[], signal: AbortSignal | undefined): Promise<readonly AppendOutcome[]> {
    let bytes = 0;
    for (const record of records) bytes += record.body.length;
    const refusal = this.#refusalOf(bytes, signal);
    if (refusal) return Promise.resolve(records.map(() => refusal));
    return new Promise((resolve) => {
      this.#queue.push({ records, bytes, outcomes: [], resolve }, signal);
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Lets go of what a trim has freed. */
  madeRoom(): void {
    if (this.#backoffMs === 0) this.#refusal = undefined;
  }

  /** Resolves when everything is stored and the zeros ahead are written. */
  resting(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenResting.push(resolve);
      if (!this.#isRunning) void this.#fillAhead();
    });
  }

  /** Finishes what was appended before. Later appends fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#idleTimer?.cancel();
    this.#roomTimer?.cancel();
    await this.resting();
    await this.#parts.active.close();
  }

  #refusalOf(bytes: number, signal: AbortSignal | undefined): Refusal | undefined {
    if (this.#isClosed) return { status: "failed", reason: "the spool is closed" };
    if (signal?.aborted) return GAVE_UP;
    return this.#queue.refusalOf(bytes);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (!this.#queue.isEmpty) await this.#commitNext();
    } catch (error) {
      // A bug or an assert: nothing that is staged can be trusted, and later appends would find the same.
      this.#isClosed = true;
      this.#refusal = { status: "failed", reason: `the spool's writer has stopped: ${messageOf(error)}` };
      if (this.#group) this.#takeBack(this.#group, this.#refusal);
      this.#queue.refuseAll(this.#refusal);
    } finally {
      this.#isRunning = false;
    }
    this.#rest();
  }

  async #commitNext(): Promise<void> {
    const { clock, active, space, log } = this.#parts;
    if (this.#refusal && clock.monotonicMs() < this.#retryAtMs) {
      this.#queue.refuseAll(this.#refusal);
      return;
    }
    try {
      if (space.isStale) await space.look();
      const next = this.#queue.nextRecord;
      if (next && !active.hasRoom(sizeOf(next))) await active.replace(log.nextOffset);
    } catch (error) {
      this.#queue.refuseAll(this.#fail(error));
      return;
    }
    const group = this.#stage();
    const stored = group.records > 0 ? await this.#store(group) : STORED;
    this.#group = undefined;
    this.#settle(group, stored);
  }

  #stage(): Group {
    const { log, staging, active } = this.#parts;
    staging.begin(active.salt, active.position);
    const group: Group = {
      firstOffset: log.nextOffset,
      records: 0,
      finished: [],
      unfinished: undefined,
      startedAt: this.#queue.first?.outcomes.length ?? 0,
      places: [],
    };
    this.#group = group;
    while (true) {
      const request = this.#queue.first;
      if (!request) return group;
      while (request.outcomes.length < request.records.length) {
        const record = request.records[request.outcomes.length];
        const outcome = record && this.#admit(record, request, group);
        if (!outcome) {
          group.unfinished = request;
          return group;
        }
        request.outcomes.push(outcome);
      }
      group.finished.push(request);
      this.#queue.shift();
    }
  }

  /**
   * The outcome of a record if the group is stored; undefined if the record has to wait for the next group.
   */
  #admit(record: NewRecord, request: Request, group: Group): AppendOutcome | undefined {
    const { dedupe, staging, space, active } = this.#parts;
    writeEventKey(record.id, dedupe.key, 0);
    const known = dedupe.find();
    if (known >= 0) {
      const isSame = dedupe.crcAt(known) === record.received.crc;
      return { status: isSame ? "duplicate" : "conflict", offset: dedupe.offsetAt(known) };
    }
    const mayUseReserve = (record.flags & FLAG_RESERVE) !== 0;
    if (request.refusal && !mayUseReserve) return request.refusal;
    if (record.body.length > RECORD_BODY_BYTES_MAX) {
      return {
        status: "failed",
        reason: `a record of ${record.body.length} bytes is larger than any segment`,
      };
    }
    const size = sizeOf(record);
    if (!staging.hasRoom(record) || !active.hasRoom(staging.bytes + size)) return undefined;
    const reason = space.refusal(staging.bytes + size, mayUseReserve);
    if (reason) {
      request.refusal = { status: "full", reason };
      return request.refusal;
    }

    const offset = group.firstOffset + group.records;
    group.places.push(offset, staging.add(record, dedupe.key, offset));
    group.records++;
    dedupe.add(record.received.crc, offset);
    return { status: "appended", offset };
  }

  async #store(group: Group): Promise<Stored> {
    const { active, staging, space } = this.#parts;
    space.wrote(staging.bytes);
    try {
      active.write(staging.packed);
    } catch (error) {
      if (isNoSpace(error) && (await active.takeBack())) return this.#fail(error);
      return this.#storeElsewhere(group);
    }
    try {
      await active.sync();
      return STORED;
    } catch {
      return this.#storeElsewhere(group); // If that fails as well, its error is the one to tell.
    }
  }

  async #storeElsewhere(group: Group): Promise<Stored> {
    const { active, staging } = this.#parts;
    try {
      await active.replace(group.firstOffset);
      movePlaces(group, active.position - (group.places[1] ?? 0));
      staging.move(active.salt, active.position);
      active.write(staging.packed);
      await active.sync();
      return STORED;
    } catch (error) {
      await active.discard();
      return this.#fail(error);
    }
  }

  #settle(group: Group, stored: Stored): void {
    const { log, staging, active, tail, waiting } = this.#parts;
    this.#lastActiveMs = this.#parts.clock.monotonicMs();
    if (stored.status !== "stored") {
      this.#takeBack(group, stored);
      return;
    }
    if (group.records > 0) {
      active.commit(group.places, staging.bytes, group.firstOffset + group.records);
      log.nextOffset = group.firstOffset + group.records;
      tail.push(staging.records);
      this.#refusal = undefined;
      this.#backoffMs = 0;
      waiting.wake();
    }
    for (const request of group.finished) {
      if (request.refusal) this.#refuse(request.refusal);
      request.resolve(request.outcomes);
    }
  }

  #takeBack(group: Group, outcome: Refusal): void {
    this.#parts.dedupe.removeNewest(group.records);
    if (group.unfinished) this.#queue.shift();
    for (const request of spoil(group, outcome)) request.resolve(request.outcomes);
  }

  #fail(error: unknown): Refusal {
    const reason = isNoSpace(error)
      ? `the volume is full: ${messageOf(error)}`
      : `the disk has failed: ${messageOf(error)}`;
    const refusal: Refusal = { status: isNoSpace(error) ? "full" : "failed", reason };
    this.#refuse(refusal);
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, Math.max(BACKOFF_MS_MIN, this.#backoffMs * 2));
    this.#retryAtMs = this.#parts.clock.monotonicMs() + this.#backoffMs;
    return refusal;
  }

  #refuse(refusal: Refusal): void {
    this.#refusal = refusal;
    if (refusal.status === "full") this.#lookAgain();
  }

  /**
   * A full spool says so, and then maybe nobody sends any more (a load balancer asks for readiness): so it
   * finds out by itself when there is room again.
   */
  #lookAgain(): void {
    const { clock, space } = this.#parts;
    if (this.#roomTimer || this.#isClosed) return;
    this.#roomTimer = clock.after(LOOK_AGAIN_MS, async () => {
      // A volume that cannot be asked is not known to have room.
      const isKnown = await space.look().then(
        () => true,
        () => false,
      );
      this.#roomTimer = undefined;
      if (this.#refusal?.status !== "full") return;
      if (!isKnown || space.refusal(ROOM_BYTES, false) !== undefined) return this.#lookAgain();
      this.#refusal = undefined;
      this.#backoffMs = 0;
    });
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
      while (this.#queue.isEmpty && !this.#isClosed && (await this.#parts.active.fillAhead()));
    } finally {
      this.#isRunning = false;
    }
    if (!this.#queue.isEmpty) return this.#run();
    for (const resolve of this.#whenResting.splice(0)) resolve();
  }
}

const STORED: Stored = { status: "stored" };

function movePlaces(group: Group, by: number): void {
  for (let index = 1; index < group.places.length; index += 2) {
    group.places[index] = (group.places[index] ?? 0) + by;
  }
}
