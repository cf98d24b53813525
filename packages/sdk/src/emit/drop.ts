/**
 * Why an event will not arrive: one set of reasons for all emitters, so that one `onDrop` serves them all.
 *
 * - `invalid`: it breaks a rule of the envelope, as `checkEvent` has them; the detail says which.
 * - `too_large`: it is larger than everything the emitter may hold, so that waiting would not help.
 * - `buffer_full`: the emitter holds all that it may hold, and the writer is behind.
 * - `no_form`: the format that was chosen has no form for this kind (the bracketed log knows six).
 * - `threw`: the application's own predicate, transform or emitter threw; the detail is its message.
 * - `refused`: whoever received it will never take it; the detail says why.
 * - `write_failed`: the writer gave it up; the detail is the last error.
 * - `closed`: it was emitted after `close`.
 */
export type DropReason =
  | "invalid"
  | "too_large"
  | "buffer_full"
  | "no_form"
  | "threw"
  | "refused"
  | "write_failed"
  | "closed";

/**
 * Told of every event that will not arrive, once: the counts add up to exactly what is missing. `detail` is a
 * sentence for people. Called from inside `emit` or later; what it throws is ignored, because neither the
 * application's line that emitted nor the next batch is to blame for it.
 */
export type OnDrop = (count: number, reason: DropReason, detail?: string) => void;

/** `onDrop` as an emitter may call it anywhere: it does not throw, and nothing is called for no events. */
export function dropTeller(onDrop: OnDrop | undefined): OnDrop {
  if (onDrop === undefined) return () => {};
  return (count, reason, detail) => {
    if (count === 0) return;
    try {
      onDrop(count, reason, detail);
    } catch {
      // The contract of OnDrop: see there.
    }
  };
}

/** What an error says, whatever was thrown: also a thrown object whose message throws. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "something was thrown that cannot be printed";
  }
}
