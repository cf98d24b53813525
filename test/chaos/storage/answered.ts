import type { AppendOutcome, NewRecord, Spool } from "../../../packages/sluice/src/spool/spool.ts";

/**
 * Appends of a program whose time is moved by hand, and whose disk is real: what takes too long in that time
 * is given real time until it is answered. What was stored by a call that was told "slow" is told as appended
 * when it is heard of, at the next call or a later one, not as a duplicate of itself: its offset is none that
 * was there before.
 */
export class PatientAppends {
  readonly #spool: Pick<Spool, "append" | "state">;
  /** Ids that were told "slow", with the next offset before that. */
  readonly #unheard = new Map<string, number>();

  constructor(spool: Pick<Spool, "append" | "state">) {
    this.#spool = spool;
  }

  async append(records: readonly NewRecord[]): Promise<readonly AppendOutcome[]> {
    for (;;) {
      const { nextOffset } = this.#spool.state;
      const outcomes = await this.#spool.append(records);
      if (!outcomes.some(({ status }) => status === "slow")) {
        return outcomes.map((outcome, index) => this.#told(records[index]?.id ?? "", outcome));
      }
      for (const { id } of records) if (!this.#unheard.has(id)) this.#unheard.set(id, nextOffset);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** The same record may be in a call twice: only the first is what was appended. */
  #told(id: string, outcome: AppendOutcome): AppendOutcome {
    const since = this.#unheard.get(id);
    if (since === undefined || (outcome.status !== "appended" && outcome.status !== "duplicate"))
      return outcome;
    if (outcome.offset < since) return outcome;
    this.#unheard.delete(id);
    return { status: "appended", offset: outcome.offset };
  }
}
