/**
 * Stands in a subscription where events are missing: `dropped` of them, with the seqs `from` to `to`, both
 * inclusive. Adjacent losses are one gap.
 */
export interface Gap {
  readonly type: "Gap";
  readonly data: { readonly dropped: number; readonly from: number; readonly to: number };
  /** RFC 3339 in UTC: when the subscriber came upon it. */
  readonly timestamp: string;
}

export function createGap(from: number, to: number, nowMs: number): Gap {
  const data = { dropped: to - from + 1, from, to };
  return { type: "Gap", data, timestamp: new Date(nowMs).toISOString() };
}
