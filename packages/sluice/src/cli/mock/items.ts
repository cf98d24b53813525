/**
 * What became of one item. "lost": the service said that all went well, and stored nothing, as the real one
 * does there.
 */
export interface ItemOutcome {
  readonly id: string;
  readonly outcome: "stored" | "refused" | "lost";
  /** The service's own words, or why it was lost. */
  readonly reason?: string;
}
