import type { Event } from "@sluice/sdk";
import type { SpoolRecord } from "../../spool/spool.ts";
import type { LastWordsFile } from "./last-words.ts";

/**
 * Notes which record is being read: from the moment somebody asks for its event until they ask for another
 * one's, or the code that runs now gives way. So what is made of the event is covered as well.
 */
export class Watch {
  readonly #words: LastWordsFile;
  #noted: number | undefined;

  constructor(words: LastWordsFile) {
    this.#words = words;
  }

  note(offset: number): void {
    if (this.#noted === offset) return;
    if (this.#noted === undefined) queueMicrotask(() => this.#end());
    this.#noted = offset;
    this.#words.mark(offset);
  }

  #end(): void {
    this.#noted = undefined;
    this.#words.mark(undefined);
  }
}

/** A record that is noted as being read whenever somebody asks for its event. */
export class WatchedRecord implements SpoolRecord {
  readonly offset: number;
  readonly kindCode: number;
  readonly flags: number;
  readonly runKey: number;
  readonly orderKey: number;
  readonly body: Uint8Array;
  readonly #record: SpoolRecord;
  readonly #watch: Watch;

  constructor(record: SpoolRecord, watch: Watch) {
    this.offset = record.offset;
    this.kindCode = record.kindCode;
    this.flags = record.flags;
    this.runKey = record.runKey;
    this.orderKey = record.orderKey;
    this.body = record.body;
    this.#record = record;
    this.#watch = watch;
  }

  get event(): Event {
    this.#watch.note(this.offset);
    return this.#record.event;
  }
}

const NO_BODY = new Uint8Array(0);

/** Stands in the place of a record that nobody may read: routes settle it by its flags. */
export class SetAsideRecord implements SpoolRecord {
  readonly offset: number;
  readonly kindCode = 0;
  readonly flags: number;
  readonly runKey = 0;
  readonly orderKey = 0;
  readonly body = NO_BODY;

  constructor(offset: number, flags: number) {
    this.offset = offset;
    this.flags = flags;
  }

  get event(): Event {
    throw new Error(`the record at offset ${this.offset} is set aside`);
  }
}
