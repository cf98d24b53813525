import type { Event, Run } from "@sluice/sdk";
import type { Attributes, AttributeValue } from "./span.ts";

/**
 * Which attributes tell a backend of an event: one vocabulary. The run is absent where the event is none, as
 * a hit in a cache. A pure function: the same event has the same attributes, in the same order, for ever.
 */
export type Profile = (event: Event, run: Run | undefined) => Attributes;

/** Attributes as they grow. Keys of ours only: what came from outside stands behind a prefix of ours. */
export type WritableAttributes = Record<string, AttributeValue>;

/** All of these vocabularies on one span. Of a name that two of them use, the later one's value counts. */
export function composed(...profiles: readonly Profile[]): Profile {
  const [first, second] = profiles;
  if (first !== undefined && second === undefined) return first;
  return (event, run) => Object.assign({}, ...profiles.map((profile) => profile(event, run)));
}
