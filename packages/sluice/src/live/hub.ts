import type { Event } from "@sluice/sdk";

/**
 * The live tee: what passes can be watched, and watching never costs the pipeline anything.
 *
 * Every subscriber has its own bounded queue. When it is full the oldest entries go, and where they were the reader finds
 * one gap with their exact count: a viewer may miss events, and always knows how many. `publish` does not wait, does not
 * encode and does not throw; with no subscriber it does nothing at all.
 *
 * Entries carry `seq`, a number of this process without gaps. The hub keeps the newest entries for those who come back:
 * `after` resumes behind a seq; what is no longer there is reported as a gap first.
 */
export interface Hub {
  /** Shows events to whoever is watching. `sizeBytes` is the size of the event's JSON, for the bounds. */
  publish(event: Event, sizeBytes: number): void;
  /** What is published from now on, or from behind `after`. Ends when the signal aborts or the hub closes. */
  subscribe(options: SubscribeOptions): AsyncIterable<LiveItem>;
  readonly subscribers: number;
  /** Entries that subscribers did not get because they were slow, ever. */
  readonly missed: number;
  /** The seq of the newest entry; 0 before the first. */
  readonly seq: number;
  /** Ends every subscription. Idempotent. */
  close(): void;
}

export interface SubscribeOptions {
  /** Resume behind this seq. */
  readonly after?: number;
  /** Only these kinds. `run.*` stands for all that begin with "run.". */
  readonly kinds?: readonly string[];
  /** Only this run. */
  readonly runId?: string;
  readonly signal: AbortSignal;
}

export type LiveItem =
  | { readonly type: "event"; readonly seq: number; readonly event: Event }
  /** `missed` entries up to and including `seq` are not coming. */
  | { readonly type: "gap"; readonly seq: number; readonly missed: number };
