import type { Event } from "@sluice/sdk";
import { decodeEvent } from "@sluice/sdk/internal";
import type { SpoolRecord } from "./spool.ts";

/** About what a record takes without its body: whoever keeps some counts it, as a flood of tiny ones shows. */
export const RECORD_BYTES = 256;

/**
 * A record as readers see it. Its body is decoded on first use: the object is shared by all who read it soon
 * after, and decoded again for who comes later.
 */
export class StoredRecord implements SpoolRecord {
  readonly offset: number;
  readonly kindCode: number;
  readonly flags: number;
  readonly runKey: number;
  readonly orderKey: number;
  readonly body: Uint8Array;
  #decoded: Decoded | undefined;

  constructor(
    offset: number,
    kindCode: number,
    flags: number,
    runKey: number,
    orderKey: number,
    body: Uint8Array,
  ) {
    this.offset = offset;
    this.kindCode = kindCode;
    this.flags = flags;
    this.runKey = runKey;
    this.orderKey = orderKey;
    this.body = body;
  }

  get event(): Event {
    const known = this.#decoded?.event;
    if (known) return known;
    const event = decodeEvent(this.body);
    this.#decoded = { event };
    lately.add(this.#decoded, this.body.length);
    return event;
  }
}

/** What a record keeps of its decoded event, until that is taken out of it. */
interface Decoded {
  event: Event | undefined;
}

/**
 * Half of the bodies whose decoded events stay. Routes that keep up ask for the same ones at about the same
 * time; with all that the tail holds, decoded events would take several times its limit, and each would be
 * moved to where the garbage collector seldom comes.
 */
const GENERATION_BYTES = 512 * 1024;

/** The events that were decoded last, in two generations: when the younger is full, the older is forgotten. */
class Lately {
  #young: Decoded[] = [];
  #old: Decoded[] = [];
  #youngBytes = 0;

  add(decoded: Decoded, sizeBytes: number): void {
    this.#young.push(decoded);
    this.#youngBytes += sizeBytes;
    if (this.#youngBytes < GENERATION_BYTES) return;
    for (const each of this.#old) each.event = undefined;
    this.#old = this.#young;
    this.#young = [];
    this.#youngBytes = 0;
  }
}

/** One for all spools of the process, as its memory is. */
const lately = new Lately();
