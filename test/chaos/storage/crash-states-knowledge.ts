import type { Mark } from "./crash-states-records.ts";

/**
 * What the recorded program knew at a point of the recording: what must hold of every state from there on.
 */
export interface Knowledge {
  marks: number;
  readonly handed: Set<string>;
  /** By offset, the id that was acknowledged there. */
  readonly acked: Map<number, string>;
  /** By number, the offset up to which a ledger settles. */
  readonly ledgers: Map<number, number>;
  durable: number;
  trimmedBefore: number;
  route: { readonly place: string; readonly firstOffset: number } | undefined;
  readonly taken: Set<string>;
  settled: number;
  /** Offsets whose events were settled because their dead letters were found on the disk. */
  readonly letters: Set<number>;
}

export function newKnowledge(): Knowledge {
  return {
    marks: 0,
    handed: new Set(),
    acked: new Map(),
    ledgers: new Map(),
    durable: 0,
    trimmedBefore: 0,
    route: undefined,
    taken: new Set(),
    settled: 0,
    letters: new Set(),
  };
}

/** @param text a mark, as the program has written it. */
export function learn(known: Knowledge, text: string): void {
  const said: Mark = JSON.parse(text);
  known.marks++;
  if ("handed" in said) for (const id of said.handed) known.handed.add(id);
  else if ("acked" in said) known.acked.set(said.offset, said.acked);
  else if ("ledger" in said) known.ledgers.set(said.ledger, said.low);
  else if ("durable" in said) known.durable = said.durable;
  else if ("trim" in said) known.trimmedBefore = Math.max(known.trimmedBefore, said.trim);
  else if ("registered" in said) known.route = { place: said.place, firstOffset: said.firstOffset };
  else if ("taken" in said) for (const id of said.taken) known.taken.add(id);
  else known.settled = said.settled;
}
