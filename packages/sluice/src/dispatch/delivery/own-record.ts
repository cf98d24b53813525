import { AssertionError } from "node:assert";
import type { Event } from "@sluice/sdk";
import { decodeEvent, encodeEvent } from "@sluice/sdk/internal";
import type { SpoolRecord } from "../../spool/spool.ts";

/**
 * The same record with a body of its own. The spool hands out slices of what it has read: who keeps one for
 * long keeps everything around it in memory.
 */
export function ownCopy(record: SpoolRecord): SpoolRecord {
  const { body } = record;
  return body.length * 2 > body.buffer.byteLength ? record : new Copy(record, Uint8Array.from(body));
}

/** What stands for a record whose body is to be read again before anybody looks at it. */
export function withoutBody(record: SpoolRecord): SpoolRecord {
  return new Copy(record, undefined);
}

/** The same record, saying something else. */
export function withEvent(record: SpoolRecord, event: Event): SpoolRecord {
  return new Copy(record, Buffer.from(encodeEvent(event)), event);
}

class Copy implements SpoolRecord {
  readonly offset: number;
  readonly kindCode: number;
  readonly flags: number;
  readonly runKey: number;
  readonly orderKey: number;
  readonly #body: Uint8Array | undefined;
  #event: Event | undefined;

  constructor(
    { offset, kindCode, flags, runKey, orderKey }: SpoolRecord,
    body: Uint8Array | undefined,
    event?: Event,
  ) {
    this.offset = offset;
    this.kindCode = kindCode;
    this.flags = flags;
    this.runKey = runKey;
    this.orderKey = orderKey;
    this.#body = body;
    this.#event = event;
  }

  get body(): Uint8Array {
    if (!this.#body) throw new AssertionError({ message: `record ${this.offset} is not in memory` });
    return this.#body;
  }

  get event(): Event {
    this.#event ??= decodeEvent(this.body);
    return this.#event;
  }
}
