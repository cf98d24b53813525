import type { AppendOutcome, Durability, NewRecord, Refusal } from "../spool.ts";

/** One call of `append`, on its way. */
export interface Request {
  readonly records: readonly NewRecord[];
  readonly bytes: number;
  readonly durability: Durability;
  /** By the ticks of the writer's patience. */
  readonly cameAt: number;
  readonly outcomes: AppendOutcome[];
  resolve: (outcomes: readonly AppendOutcome[]) => void;
  /**
   * Why its records are refused from the first that did not fit on: a later, smaller one must not overtake
   * it.
   */
  refusal?: Refusal;
}

/**
 * What is synced together. A group of `os` records is written in parts, each acknowledged when it is written,
 * and `held` open for more. All of it lies in the staging buffer until it is synced, so that it can move.
 */
export interface Group {
  readonly firstOffset: number;
  records: number;
  /** Positions for the sparse index: offset, position, offset, position … */
  readonly places: number[];
  /** How much of it was acknowledged already. What comes behind is the part at hand, which can be taken back. */
  held: Held;
  /** Calls that get their outcomes with the part at hand. */
  readonly finished: Request[];
  /** The call of which only the first part fitted. */
  unfinished: Request | undefined;
  /** Where in the first call's outcomes the part begins; 0 but for a call that began in an earlier one. */
  startedAt: number;
  /** Somebody in the part wants the disk. */
  isForDisk: boolean;
}

interface Held {
  readonly records: number;
  readonly bytes: number;
  readonly places: number;
}

const NOTHING: Held = { records: 0, bytes: 0, places: 0 };

export function openGroup(firstOffset: number): Group {
  return {
    firstOffset,
    records: 0,
    places: [],
    held: NOTHING,
    finished: [],
    unfinished: undefined,
    startedAt: 0,
    isForDisk: false,
  };
}

/** The part at hand was written, and whoever brought it may be told so. */
export function holdPart(group: Group, bytes: number): void {
  group.held = { records: group.records, bytes, places: group.places.length };
  group.finished.length = 0;
}

/**
 * The part at hand was not stored, so nothing that it promised holds: its records, and the duplicates and
 * conflicts of what is not durable, get its outcome. A call that was split gets it for the rest as well.
 */
export function spoilPart(group: Group, outcome: Refusal): readonly Request[] {
  const requests = group.unfinished ? [...group.finished, group.unfinished] : [...group.finished];
  let from = group.startedAt;
  for (const { outcomes, records } of requests) {
    for (let index = from; index < records.length; index++) {
      const reached = outcomes[index];
      const isOlder = reached && (!("offset" in reached) || reached.offset < group.firstOffset);
      if (!isOlder) outcomes[index] = outcome;
    }
    from = 0;
  }
  group.records = group.held.records;
  group.places.length = group.held.places;
  group.finished.length = 0;
  group.unfinished = undefined;
  return requests;
}

/** The same group lies elsewhere in a segment. */
export function moveTo(group: Group, position: number): void {
  const by = position - (group.places[1] ?? 0);
  for (let index = 1; index < group.places.length; index += 2) {
    group.places[index] = (group.places[index] ?? 0) + by;
  }
}
