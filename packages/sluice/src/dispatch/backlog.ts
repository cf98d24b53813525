/** What may wait for one sink. */
export interface BacklogLimit {
  /** Absent: as much as the spool takes. */
  readonly maxBytes?: number;
  /** New events are refused, or its oldest are dropped, when its backlog or the spool is full. */
  readonly whenFull: "block" | "drop_oldest";
}

export const NO_LIMIT: BacklogLimit = { whenFull: "block" };

export interface BacklogStatus extends BacklogLimit {
  /** What the spool keeps for this sink: the records from its oldest unsettled one on. */
  readonly bytes: number;
}

/** How an event ends that had to make room. */
export const BACKLOG_FULL = "backlog_full";
