/**
 * Every number of the delivery path, with its reason. One object, so that a sink's configuration can change
 * any of them.
 */
export interface Figures {
  /** Retries in a series, after its first try. */
  readonly seriesRetries: number;
  readonly seriesBackoffMs: number;
  readonly seriesBackoffMsMax: number;
  /** The route's (or a key's) wait after a whole series failed: this, doubled for each further one. */
  readonly waitMs: number;
  readonly waitMsMax: number;
  /** Longest Retry-After that is believed. */
  readonly retryAfterMsMax: number;
  /** How often a paused route tries one real event. */
  readonly pausedProbeMs: number;
  /** Failed requests in a row until a sink counts as unavailable. */
  readonly unavailableAfter: number;
  /** Failed series of one batch, with successes of others between, until it is bisected. */
  readonly suspectAfter: number;
  /** Failed series of one event alone, with successes of others between, until it is a dead letter. */
  readonly poisonAfter: number;
  /** Total time of one `send`; then its signal aborts. */
  readonly sendTimeoutMs: number;
  /** What a sink gets to end after its signal aborted; then its answer no longer counts. */
  readonly abortGraceMs: number;
  /** How long a batch waits for company, where the sink has no word on it. */
  readonly batchAgeMs: number;
  /** Bytes of bodies that a route holds in memory, whatever state their events are in. */
  readonly readAheadBytes: number;
  /**
   * Ledger exceptions (settled ranges above the low offset, and waiting events); at this many the route stops
   * reading.
   */
  readonly exceptionsMax: number;
  /** A ledger is written at most this often. */
  readonly commitMs: number;
  /** And synced at the latest so long after it was written. */
  readonly syncMs: number;
}

export const DEFAULT_FIGURES: Figures = {
  // The fifth seed's series: 100 ms doubled, at most 1 s apart, all of it jittered.
  seriesRetries: 3,
  seriesBackoffMs: 100,
  seriesBackoffMsMax: 1_000,
  // Half a minute: long enough to leave a sick backend alone, short enough that nobody waits for us once it
  // is well.
  waitMs: 1_000,
  waitMsMax: 30_000,
  // An hour: a longer wait is a mistake in a header more often than a plan.
  retryAfterMsMax: 3_600_000,
  // A person mends a key; one request a minute is enough to notice and too little to be a burden.
  pausedProbeMs: 60_000,
  unavailableAfter: 5,
  suspectAfter: 2,
  poisonAfter: 10,
  // Twice a sink's own time-out (30 s), which should always be the one that speaks.
  sendTimeoutMs: 60_000,
  abortGraceMs: 1_000,
  batchAgeMs: 1_000,
  // Two of the largest batches (8 MB, Lunary). More would only move the queue from disk to memory.
  readAheadBytes: 16 * 1024 * 1024,
  // Fits the fixed slot of a ledger (64 KiB) with its counters.
  exceptionsMax: 4_000,
  // What a kill can cost in duplicates: the batches of a fifth of a second.
  commitMs: 200,
  // What a power cut can cost: ten seconds of them. More often would wear disks for next to nothing.
  syncMs: 10_000,
};
