import type { IncomingEvent } from "../event/validate.ts";
import { dropTeller, messageOf } from "./drop.ts";
import type { Emitter } from "./emitter.ts";
import type { CombineOptions } from "./fan-out.ts";

/**
 * Hands on the events for which `predicate` is true. The others are left out on purpose, which is no drop;
 * one at which the predicate throws is.
 */
export function filtered(
  predicate: (event: IncomingEvent) => boolean,
  emitter: Emitter,
  options: CombineOptions = {},
): Emitter {
  return mapped((event) => (predicate(event) ? event : undefined), emitter, options);
}

/**
 * Hands on what `transform` makes of each event; for undefined nothing, on purpose. An event at which it
 * throws is dropped. It gets the application's own object, and must not change it.
 */
export function mapped(
  transform: (event: IncomingEvent) => IncomingEvent | undefined,
  emitter: Emitter,
  options: CombineOptions = {},
): Emitter {
  const tell = dropTeller(options.onDrop);
  return {
    emit(event) {
      try {
        const result = transform(event);
        if (result !== undefined) emitter.emit(result);
      } catch (error) {
        tell(1, "threw", messageOf(error));
      }
    },
    flush: (signal) => emitter.flush(signal),
    close: () => emitter.close(),
  };
}
