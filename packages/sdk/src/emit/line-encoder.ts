import { checkEvent, type IncomingEvent } from "../event/validate.ts";
import type { Clock } from "../system/clock.ts";
import type { Random } from "../system/random.ts";
import { type DropReason, messageOf, type OnDrop } from "./drop.ts";
import { HeadWriter } from "./head.ts";

/** Where encoded events go: memory, or a file. */
export interface LineSink {
  /**
   * Takes an object's JSON as a line. `head`, if not empty, takes the place of its brace, and is valid during
   * the call. False if there is no room.
   */
  add(json: string, head: Uint8Array): boolean;
}

const BRACE = 0x7b;

/** What every emitter of lines does with an event: check it, give it an id and a time, stringify it once. */
export class LineEncoder {
  readonly #head: HeadWriter;
  readonly #drop: OnDrop;

  constructor(clock: Clock, random: Random, drop: OnDrop) {
    this.#head = new HeadWriter(clock, random);
    this.#drop = drop;
  }

  /** False when the event could not be taken, which is told. Never throws. */
  add(event: IncomingEvent, sink: LineSink): boolean {
    let json: string | undefined;
    try {
      const fault = checkEvent(event);
      if (fault !== undefined) return this.#refuse("invalid", `${fault.field} ${fault.detail}`);
      json = JSON.stringify(event);
    } catch (error) {
      // A cycle, a bigint, or a getter that throws: the caller's object, and not worth the caller's process.
      return this.#refuse("invalid", messageOf(error));
    }
    // An own toJSON may have made anything of it.
    if (json?.charCodeAt(0) !== BRACE) return this.#refuse("invalid", "an event must be a JSON object");
    return sink.add(json, this.#head.of(event)) || this.#refuse("buffer_full");
  }

  #refuse(reason: DropReason, detail?: string): false {
    this.#drop(1, reason, detail);
    return false;
  }
}
