import { UUID_CHARS, UuidMinter } from "../event/ids.ts";
import { missingTime } from "../event/missing.ts";
import { type IncomingEvent, isComplete, putEndId } from "../event/validate.ts";
import type { Clock } from "../system/clock.ts";
import type { Random } from "../system/random.ts";

const TEMPLATE = `{"id":"${"0".repeat(UUID_CHARS)}","time":"2026-11-21T05:00:00.000Z",`;
const ID_AT = '{"id":"'.length;
const TIME_AT = ID_AT + UUID_CHARS + '","time":"'.length;
const TIME_CHARS = "2026-11-21T05:00:00.000Z".length;
const NOTHING = new Uint8Array(0);

/**
 * The id and the time of events that lack them, as the bytes that open the object. Nearly every event lacks
 * both, and then only what changed since the last one is written into the same 80 bytes.
 */
export class HeadWriter {
  readonly #clock: Clock;
  readonly #minter: UuidMinter;
  readonly #head = Buffer.from(TEMPLATE);
  #headTime = "";
  #nowMs = -1;
  #nowText = "";

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#minter = new UuidMinter(clock, random);
  }

  /**
   * `{` and the missing fields, each with its comma; empty when none is missing. Valid until the next call.
   */
  of(event: IncomingEvent): Uint8Array {
    const { id, time } = event;
    if (id !== undefined && time !== undefined) return NOTHING;
    const nowMs = this.#writeId(event);
    const own = time ?? this.#timeOf(event, nowMs);
    if (id === undefined && time === undefined && own.length === TIME_CHARS) {
      if (own !== this.#headTime) this.#head.write(own, TIME_AT, "latin1");
      this.#headTime = own;
      return this.#head;
    }
    const idField = id === undefined ? this.#head.toString("latin1", 1, TIME_AT - '"time":"'.length) : "";
    const timeField = time === undefined ? `"time":"${own}",` : "";
    return Buffer.from(`{${idField}${timeField}`);
  }

  /** Returns the time of day, because minting an id asks for it anyway. */
  #writeId(event: IncomingEvent): number {
    const { runId, run } = event;
    if (runId === undefined || !isComplete(event)) return this.#minter.mint(this.#head, ID_AT);
    putEndId(this.#head, ID_AT, runId, run?.revision);
    return this.#clock.nowMs();
  }

  #timeOf(event: IncomingEvent, nowMs: number): string {
    const own = missingTime(event);
    if (own !== undefined) return own;
    if (nowMs !== this.#nowMs) {
      this.#nowMs = nowMs;
      this.#nowText = new Date(nowMs).toISOString();
    }
    return this.#nowText;
  }
}
