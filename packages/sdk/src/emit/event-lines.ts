import { isEnvelopePart, readEnvelope } from "../event/envelope.ts";
import { JsonWriter } from "../event/json-writer.ts";
import type { IncomingEvent } from "../event/validate.ts";
import { type DropReason, messageOf } from "./drop.ts";
import type { HeadWriter } from "./head.ts";

/** Why an event cannot be taken. */
export interface Refusal {
  readonly reason: Extract<DropReason, "invalid" | "too_large" | "buffer_full">;
  readonly detail?: string;
}

/** Events as lines of JSON, in memory that is used again and again. */
export class EventLines {
  readonly #writer: JsonWriter;
  #lines = 0;
  /** A getter or a toJSON of the event at hand may emit another one. */
  #isAdding = false;

  constructor(bytesMax: number) {
    this.#writer = new JsonWriter(bytesMax, isEnvelopePart);
  }

  get lines(): number {
    return this.#lines;
  }

  get sizeBytes(): number {
    return this.#writer.sizeBytes;
  }

  /** The lines so far. Valid until `clear`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#writer.bytes;
  }

  clear(): void {
    this.#writer.clear();
    this.#lines = 0;
  }

  /** Checks the event and adds it, with an id and a time; never throws. Undefined when it was taken. */
  add(given: IncomingEvent, head: HeadWriter): Refusal | undefined {
    if (this.#isAdding)
      return { reason: "invalid", detail: "emitted by a getter or a toJSON of another event" };
    this.#isAdding = true;
    try {
      return this.#add(given, head);
    } catch (error) {
      // Not for what an event carries, which is caught where it stands; for the end of the stack or of memory.
      return { reason: "invalid", detail: `cannot be written: ${messageOf(error)}` };
    } finally {
      this.#isAdding = false;
    }
  }

  #add(given: IncomingEvent, head: HeadWriter): Refusal | undefined {
    const { event, fault } = readEnvelope(given);
    if (event === undefined) return { reason: "invalid", detail: `${fault.field} ${fault.detail}`.trim() };
    const outcome = this.#writer.line(event, head.of(event), given);
    switch (outcome) {
      case "written":
        this.#lines++;
        return undefined;
      case "no_room":
        return { reason: "buffer_full" };
      case "too_large":
        return { reason: "too_large" };
    }
  }
}
