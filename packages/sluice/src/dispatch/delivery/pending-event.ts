import type { Event } from "@sluice/sdk";
import type { Outgoing } from "../../sinks/define.ts";
import type { SpoolRecord } from "../../spool/spool.ts";
import { ownCopy, withoutBody } from "./own-record.ts";

/** What must stay in order under a sink's `order`. 0 is no key. */
export type Key = number;

/**
 * One unsettled event of a route: what the sink gets, and what the route remembers of its tries. One object
 * an event, nothing decoded until somebody asks.
 */
export class PendingEvent implements Outgoing {
  #record: SpoolRecord;
  #isLoaded = true;
  readonly sizeBytes: number;
  /** What it keeps in memory, as far as its route counts it: whole buffers with the first event from each. */
  heldBytes = 0;
  readonly key: Key;
  /** Monotonic time at which it was read: batches close by age. */
  readonly readAtMs: number;
  /** Requests that it was part of. */
  attempts = 0;
  /** Failed series or waits in a row: where on the wait schedule it stands. */
  waits = 0;
  /** Failed series while the sink answered others, and the route's count of answers when the first began. */
  failures = 0;
  answersBefore = 0;
  /** Failed tries alone with others answered between, and the count of answers at the last. */
  aloneFailures = 0;
  aloneAnswers = -1;
  /** Under suspicion: it travels alone, one try at a time, so that it holds up nobody else. */
  isAlone = false;
  /** Its body is no event. Found out when a sink asked for it. */
  isUndecodable = false;

  constructor(record: SpoolRecord, key: Key, readAtMs: number) {
    this.#record = record;
    this.sizeBytes = record.body.length;
    this.key = key;
    this.readAtMs = readAtMs;
  }

  get record(): SpoolRecord {
    return this.#record;
  }

  /** False while its body is on the disk only (route-memory.ts). */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  load(record: SpoolRecord): void {
    this.#record = record;
    this.#isLoaded = true;
  }

  unload(): void {
    this.#record = withoutBody(this.#record);
    this.#isLoaded = false;
  }

  /** Lets go of the buffer that it shares with its neighbours: it will stay for longer than they. */
  keepApart(): void {
    if (this.#isLoaded) this.#record = ownCopy(this.#record);
  }

  get offset(): number {
    return this.record.offset;
  }

  get raw(): Uint8Array {
    return this.record.body;
  }

  get id(): string {
    return this.event.id;
  }

  get event(): Event {
    try {
      return this.record.event;
    } catch (error) {
      this.isUndecodable = true;
      throw error;
    }
  }
}
