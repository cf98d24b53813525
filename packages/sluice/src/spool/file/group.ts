import type { AppendOutcome, NewRecord } from "../spool.ts";

/** One call of `append`, on its way. */
export interface Request {
  readonly records: readonly NewRecord[];
  readonly bytes: number;
  readonly outcomes: AppendOutcome[];
  resolve: (outcomes: readonly AppendOutcome[]) => void;
  /**
   * Why its records are refused from the first that did not fit on: a later, smaller one must not overtake
   * it.
   */
  refusal?: Refusal;
}

/** What is written and synced together. */
export interface Group {
  readonly firstOffset: number;
  records: number;
  /** Calls that have all their outcomes once this group is durable. */
  readonly finished: Request[];
  /** The call of which only the first part fitted. */
  unfinished: Request | undefined;
  /** Where in a call's outcomes this group begins; 0 but for a call that began in an earlier group. */
  readonly startedAt: number;
  /** Positions for the sparse index: offset, position, offset, position … */
  readonly places: number[];
}

export type Refusal = Extract<AppendOutcome, { status: "full" | "failed" }>;
export type Stored = { readonly status: "stored" } | Refusal;

/**
 * The group was not stored, so nothing that it promised holds: its records, and the duplicates and conflicts
 * of its own records, get the outcome of the group. A call that was split gets it for the rest as well.
 */
export function spoil(group: Group, outcome: AppendOutcome): readonly Request[] {
  const requests = group.unfinished ? [...group.finished, group.unfinished] : group.finished;
  let from = group.startedAt;
  for (const { outcomes, records } of requests) {
    for (let index = from; index < records.length; index++) {
      const reached = outcomes[index];
      const isOlder = reached && (!("offset" in reached) || reached.offset < group.firstOffset);
      if (!isOlder) outcomes[index] = outcome;
    }
    from = 0;
  }
  return requests;
}
