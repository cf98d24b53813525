import type { Event, JsonObject } from "../event.ts";
import type { EventFault } from "../fields.ts";

/**
 * A foreign form of events and its translation: pure, in both directions. What came in goes out as it came
 * (docs/spec/event.md, E16); an event that did not come in this form goes out as a projection, which may say
 * less. A new dialect is a folder here and a line in `dialects.ts`.
 */
export interface Dialect {
  /** As `?dialect=` and `origin.dialect` spell it. */
  readonly name: string;
  /** Is an object in this form? Told by the keys that the form requires, not by their values. */
  matches(payload: JsonObject): boolean;
  /**
   * The canonical event, complete with id and time, and with what it does not say kept in its `origin`.
   * Numbers of `payload` may be raw (`decodeJson`).
   */
  read(payload: JsonObject, arrival: Arrival): { readonly event: Event } | { readonly fault: EventFault };
  /** One event as this form says it, in order; empty for an event that has no place in it. */
  write(event: Event): readonly JsonObject[];
}

/** What a payload itself may not know. */
export interface Arrival {
  /** SHA-256 of the bytes received, in hex: the same bytes are the same fact, wherever the form has no id. */
  readonly hash: string;
  /** RFC 3339 in UTC. */
  readonly now: string;
  /** A new id, for facts of which two may look alike to the byte. */
  mintId(): string;
}
