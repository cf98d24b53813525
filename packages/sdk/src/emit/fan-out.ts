import { createIds, type Ids } from "../event/ids.ts";
import { missingId, missingTime } from "../event/missing.ts";
import type { IncomingEvent } from "../event/validate.ts";
import { systemClock } from "../system/clock.ts";
import { systemRandom } from "../system/random.ts";
import { dropTeller, messageOf, type OnDrop } from "./drop.ts";
import type { Emitter } from "./emitter.ts";

/** What a combinator may be told. */
export interface CombineOptions {
  /** Told of each event that a function or an emitter of the application's own threw at. */
  readonly onDrop?: OnDrop;
}

/**
 * Hands each event to all of the emitters, in order. An event without an id or a time gets them here, so that
 * it is one and the same fact wherever it arrives. One that throws, or whose flush or close rejects, takes
 * nothing from the others. `flush` and `close` wait for all and never reject.
 */
export function fanOut(emitters: readonly Emitter[], options: CombineOptions = {}): Emitter {
  const tell = dropTeller(options.onDrop);
  const ids = createIds(systemClock, systemRandom);
  return {
    emit(given) {
      const event = identified(given, ids);
      for (const emitter of emitters) {
        try {
          emitter.emit(event);
        } catch (error) {
          tell(1, "threw", messageOf(error));
        }
      }
    },
    async flush(signal) {
      await Promise.allSettled(emitters.map(async (emitter) => emitter.flush(signal)));
    },
    async close() {
      await Promise.allSettled(emitters.map(async (emitter) => emitter.close()));
    },
  };
}

/** What is no plain object, or cannot be read, is left to each emitter, which has a way with it. */
function identified(event: IncomingEvent, ids: Ids): IncomingEvent {
  try {
    const { id, time } = event;
    if (id !== undefined && time !== undefined) return event;
    if (Object.getPrototypeOf(event) !== Object.prototype) return event;
    const head = { id: id ?? missingId(event, ids), time: time ?? missingTime(event) ?? now() };
    // Twice: first for their place, then for their value.
    return { ...head, ...event, ...head };
  } catch {
    // A getter that throws.
    return event;
  }
}

function now(): string {
  return new Date(systemClock.nowMs()).toISOString();
}
