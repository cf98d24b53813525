import type { IncomingEvent } from "../event/validate.ts";
import type { Clock } from "../system/clock.ts";
import type { Random } from "../system/random.ts";
import type { OnDrop } from "./drop.ts";
import { EventLines } from "./event-lines.ts";
import { HeadWriter } from "./head.ts";

/** Where encoded events go: memory, or a file. */
export interface LineSink {
  /**
   * Takes an object's JSON as a line. `head`, if not empty, takes the place of its brace, and is valid during
   * the call. False if there is no room.
   */
  add(json: string, head: Uint8Array): boolean;
}

/** More than any event is. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
const NO_HEAD = new Uint8Array(0);

/** Makes lines of events for a place of any kind: checked, with an id and a time, read and written once. */
export class LineEncoder {
  readonly #head: HeadWriter;
  readonly #drop: OnDrop;
  readonly #line = new EventLines(LINE_BYTES_MAX);

  constructor(clock: Clock, random: Random, drop: OnDrop) {
    this.#head = new HeadWriter(clock, random);
    this.#drop = drop;
  }

  /** False when the event could not be taken, which is told. Never throws. */
  add(event: IncomingEvent, sink: LineSink): boolean {
    const refusal = this.#line.add(event, this.#head);
    if (refusal !== undefined) {
      this.#drop(1, refusal.reason, refusal.detail);
      return false;
    }
    const { buffer, byteOffset, length } = this.#line.bytes;
    const json = Buffer.from(buffer, byteOffset, length - 1).toString();
    this.#line.clear();
    const isTaken = sink.add(json, NO_HEAD);
    if (!isTaken) this.#drop(1, "buffer_full");
    return isTaken;
  }
}
