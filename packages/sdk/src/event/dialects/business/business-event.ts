import { randomUUID } from "node:crypto";
import { decodeJson } from "../../codec.ts";
import type { Event, Json, JsonObject } from "../../event.ts";
import { isPayloadObject, known } from "../foreign.ts";
import { toUtcTime } from "../foreign-time.ts";
import { fromBusinessPayload } from "./business.ts";
import { carried } from "./carried.ts";
import { checkBusiness } from "./form.ts";
import type { BusinessPayload, EventScope } from "./names.ts";

/**
 * A fact about the application's own business: immutable, equal by value, and as JSON exactly its fields.
 * Each `with…` returns a new one under the same id.
 */
export class BusinessEvent implements BusinessPayload {
  /** UUID v4, the idempotency key: sent twice, it is stored once. */
  readonly id: string;
  readonly event_type: string;
  readonly metadata: JsonObject;
  /** RFC 3339 in UTC. */
  readonly created_at: string;
  declare readonly scope?: EventScope;

  /** Throws a TypeError that names the field whose value does not fit. */
  constructor(payload: BusinessPayload) {
    const { id, event_type, metadata, created_at, scope } = payload;
    const fault = checkBusiness({ ...payload });
    if (fault !== undefined) throw new TypeError(`A business event's ${fault.field} ${fault.detail}.`);
    this.id = id;
    this.event_type = event_type;
    // Parsed text may say null for absent, and tell the time in milliseconds.
    this.metadata = metadata ?? {};
    this.created_at = typeof created_at === "string" ? created_at : (toUtcTime(created_at) ?? "");
    if (scope !== undefined && scope !== null) this.scope = scope;
  }

  /**
   * With one more member of its metadata, copied as JSON carries it; of one key the last value counts. Throws
   * a TypeError that names the key for a value that JSON would lose, such as a bigint, `NaN` or a `Map`.
   */
  withMetadata(key: string, value: unknown): BusinessEvent {
    return new BusinessEvent({ ...this, metadata: { ...this.metadata, [key]: carried(value, key) } });
  }

  /** With the user or system that it concerns. */
  withScope(scope: EventScope): BusinessEvent {
    return new BusinessEvent({ ...this, scope });
  }

  /** As any emitter takes it. */
  toEvent(): Event {
    const { id, event_type, metadata, created_at, scope } = this;
    const result = fromBusinessPayload(known({ id, event_type, metadata, created_at, scope }));
    // The constructor has checked the same.
    if ("fault" in result) throw new TypeError(`${result.fault.field} ${result.fault.detail}`);
    return result.event;
  }
}

/** A new event of this type: a fresh id, the time of now, no metadata. Throws a TypeError for an empty type. */
export function businessEvent(eventType: string): BusinessEvent {
  const created_at = new Date().toISOString();
  return new BusinessEvent({ id: randomUUID(), event_type: eventType, metadata: {}, created_at });
}

/**
 * The event that was written as JSON; numbers in its metadata keep their text. Throws a TypeError that names
 * what is missing or does not fit, and never what was there.
 */
export function parseBusinessEvent(text: string): BusinessEvent {
  const value = jsonIn(text);
  if (!isPayloadObject(value)) throw new TypeError("A business event is a JSON object.");
  // The constructor checks what it is.
  return new BusinessEvent(value as unknown as BusinessPayload);
}

function jsonIn(text: string): Json | undefined {
  try {
    return decodeJson(text);
  } catch {
    // JSON.parse quotes the text it stumbled over, which is nobody's business.
    return undefined;
  }
}

/** An event that concerns one user. */
export function userScope(id: string): EventScope {
  return { kind: "user", id };
}

/** An event that concerns no user, or all. */
export const systemScope: EventScope = { kind: "system" };
