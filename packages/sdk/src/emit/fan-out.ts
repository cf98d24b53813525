import { dropTeller, messageOf, type OnDrop } from "./drop.ts";
import type { Emitter } from "./emitter.ts";

/** What a combinator may be told. */
export interface CombineOptions {
  /** Told of each event that a function or an emitter of the application's own threw at. */
  readonly onDrop?: OnDrop;
}

/**
 * Hands each event to all of the emitters, in order. One that throws, or whose flush or close rejects, takes
 * nothing from the others. `flush` and `close` wait for all and never reject.
 */
export function fanOut(emitters: readonly Emitter[], options: CombineOptions = {}): Emitter {
  const tell = dropTeller(options.onDrop);
  return {
    emit(event) {
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
