/**
 * Events that were taken and are not acknowledged, oldest first. Two forms: in memory, and in files that
 * survive the process.
 */
export interface Backlog {
  /** Takes an event's JSON with its line feed, valid during the call. False if there is no room. */
  add(line: Uint8Array): boolean;
  /** Lines that wait, all of them together; 0 when nothing does. */
  readonly sizeBytes: number;
  /**
   * The oldest lines, for one request; undefined when there are none. Valid until `settle`, and the same
   * again until then. Rejects when they cannot be read back.
   */
  next(): Promise<Lines | undefined>;
  /** Forgets what `next` gave: each event was acknowledged or dropped. */
  settle(): void;
  /**
   * Gives up sending, synchronously, and releases everything. What can be left to a daemon is; returns how
   * many events are lost by it.
   */
  leave(): number;
}

/** Events as JSON, each ended by a line feed. */
export interface Lines {
  readonly bytes: Uint8Array;
  readonly events: number;
}

/**
 * One request: large enough that its own cost does not show, small enough that a retry wastes little and the
 * daemon answers within its turn.
 */
export const REQUEST_BYTES = 1024 * 1024;
