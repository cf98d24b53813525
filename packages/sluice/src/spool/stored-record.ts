import type { Event } from "@sluice/sdk";
import { decodeEvent } from "@sluice/sdk/internal";
import type { SpoolRecord } from "./spool.ts";

/** About what a record takes without its body: whoever keeps some counts it, as a flood of tiny ones shows. */
export const RECORD_BYTES = 256;

/**
 * A record as readers see it. Its body is decoded on first use and once: the object is shared by all who read
 * it.
 */
export class StoredRecord implements SpoolRecord {
  readonly offset: number;
  readonly kindCode: number;
  readonly flags: number;
  readonly runKey: number;
  readonly orderKey: number;
  readonly body: Uint8Array;
  #event: Event | undefined;

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
    this.#event ??= decodeEvent(this.body);
    return this.#event;
  }
}
