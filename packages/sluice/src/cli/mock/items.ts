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

/** In its own words a service would say more; who reads it should know that it was asked for. */
export const REFUSAL = "invalid item: sluice mock refuses it as it was told to";
