/**
 * What a stream does with an event for which there is no room, because a subscriber has not read yet.
 *
 * `block` lets the sender wait for the slowest subscriber: nothing is lost. `drop-newest` refuses the new
 * event: the sender is told. `drop-oldest` overwrites the oldest: the subscriber is told, by a gap.
 * `coalesce` has no limit of events, only of size; a subscriber that is behind gets adjacent pieces of text
 * as one event, and beyond the size it is `drop-oldest`.
 */
export type Policy = (typeof POLICIES)[number];

/** `drop` is another name of `drop-newest`. */
export type PolicyName = Policy | "drop";

const POLICIES = ["block", "drop-newest", "drop-oldest", "coalesce"] as const;

/** The policy of that name. Throws a RangeError for any other. */
export function policyOf(name: PolicyName): Policy {
  const policy = name === "drop" ? "drop-newest" : POLICIES.find((known) => known === name);
  if (policy !== undefined) return policy;
  throw new RangeError(`Unknown policy ${JSON.stringify(name)}. There are: ${POLICIES.join(", ")}, drop.`);
}
