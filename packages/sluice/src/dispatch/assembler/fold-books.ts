import type { Ledger, Outcome } from "../ledger/ledger.ts";

/**
 * The assembler's books. Its ledger has no exceptions: it stands at the oldest record that an open run still
 * needs, because recovery folds everything from there anyway. What became of later records is one byte each
 * until the ledger gets there.
 */
export class FoldBooks {
  readonly #ledger: Ledger;
  /** Fate of offset `ledger.low + index`, at `#head + index`. */
  #fates = new Uint8Array(1_024);
  #head = 0;
  #length = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** The next offset without an entry. */
  get next(): number {
    return this.#ledger.low + this.#length;
  }

  /** Enters the next offset. "pending" is settled later. */
  push(fate: Fate): void {
    if (this.#head + this.#length === this.#fates.length) this.#makeRoom();
    this.#fates[this.#head + this.#length++] = CODES[fate];
  }

  settle(offset: number, fate: Exclude<Fate, "pending">): void {
    const index = this.#head + offset - this.#ledger.low;
    if (offset >= this.#ledger.low && this.#fates[index] === CODES.pending) this.#fates[index] = CODES[fate];
  }

  /** Moves the ledger up to the oldest pending record. True if it moved. */
  advance(): boolean {
    const from = this.#ledger.low;
    while (this.#length > 0 && this.#fates[this.#head] !== CODES.pending) {
      const code = this.#fates[this.#head];
      let count = 1;
      while (count < this.#length && this.#fates[this.#head + count] === code) count++;
      this.#ledger.settle(this.#ledger.low, this.#ledger.low + count, OUTCOMES[code ?? 0] ?? NOT_A_PIECE);
      this.#head += count;
      this.#length -= count;
    }
    return this.#ledger.low > from;
  }

  #makeRoom(): void {
    const size = this.#length * 2 > this.#fates.length ? this.#fates.length * 2 : this.#fates.length;
    const next = new Uint8Array(size);
    next.set(this.#fates.subarray(this.#head, this.#head + this.#length));
    this.#fates = next;
    this.#head = 0;
  }
}

/**
 * used: became part of a complete record, or a copy with its trace. ended: an end of a run that has one.
 * buried: never bound to a trace, and a dead letter. letters_full: that too, and there was no room for it.
 * damaged, quarantined: nobody will ever read it.
 */
export type Fate =
  | "pending"
  | "used"
  | "not_a_piece"
  | "ended"
  | "buried"
  | "letters_full"
  | "damaged"
  | "quarantined";

const CODES: Record<Fate, number> = {
  pending: 0,
  used: 1,
  not_a_piece: 2,
  ended: 3,
  damaged: 4,
  quarantined: 5,
  buried: 6,
  letters_full: 7,
};
const NOT_A_PIECE: Outcome = { status: "skipped", reason: "not_a_piece" };
const OUTCOMES: readonly Outcome[] = [
  NOT_A_PIECE,
  { status: "delivered" },
  NOT_A_PIECE,
  { status: "skipped", reason: "already_ended" },
  { status: "dropped", reason: "damaged" },
  { status: "dropped", reason: "quarantined" },
  { status: "deadLettered" },
  { status: "dropped", reason: "deadletters_full" },
];
