import { KIND_CODES } from "@sluice/sdk";
import { FLAG_ASSEMBLED, FLAG_PARTIAL, FLAG_UNBOUND, type SpoolRecord } from "../../spool/spool.ts";

/**
 * What is made has this beside the bytes of what it is made of: a header, ids, why it was closed, and the
 * usage and the cost that are added to it.
 */
export const MADE_BYTES_MORE = 1_024;
/** Records between two marks: as exactly as the debt below an offset is known. */
const MARK_EVERY = 64;

/**
 * How many bytes the assembler may still have to append for what it has read and not settled: a complete
 * record is no larger than its pieces together. Intake leaves this room, or a spool that is full of pieces
 * could never be rid of them. Rather too much than too little: what is settled above the oldest record that
 * is not, counts.
 */
export class Debt {
  #total = 0;
  #records = 0;
  /** Offsets, and the total in front of each. Parallel, oldest first; those before `#head` are past. */
  #offsets: number[] = [];
  #totals: number[] = [];
  #head = 0;

  note(record: Piece & Pick<SpoolRecord, "offset">): void {
    const owed = bytesOwedFor(record);
    if (owed === 0) return;
    if (this.#records++ % MARK_EVERY === 0) {
      this.#offsets.push(record.offset);
      this.#totals.push(this.#total);
    }
    this.#total += owed;
  }

  /** Of the records from `low` on, which never goes back. */
  from(low: number): number {
    while ((this.#offsets[this.#head + 1] ?? Number.POSITIVE_INFINITY) <= low) this.#head++;
    if (this.#head > this.#offsets.length / 2) this.#forget();
    return this.#total - (this.#totals[this.#head] ?? this.#total);
  }

  #forget(): void {
    this.#offsets = this.#offsets.slice(this.#head);
    this.#totals = this.#totals.slice(this.#head);
    this.#head = 0;
  }
}

/** A piece may be joined or closed, and what waits for its trace is bound before that. */
export function bytesOwedFor({ flags, kindCode, body }: Piece): number {
  const isPiece = kindCode === KIND_CODES["run.started"] || (flags & FLAG_PARTIAL) !== 0;
  const isParked = (flags & (FLAG_UNBOUND | FLAG_ASSEMBLED)) === FLAG_UNBOUND;
  return (Number(isPiece) + Number(isParked)) * (body.length + MADE_BYTES_MORE);
}

type Piece = Pick<SpoolRecord, "flags" | "kindCode" | "body">;
