import type { AppendOutcome, Durability, NewRecord, Spool } from "../spool/spool.ts";
import type { Backlogs } from "./backlogs.ts";
import type { Retention } from "./retention.ts";

export interface IntakeGateOptions {
  readonly spool: Spool;
  readonly backlogs: Backlogs;
  readonly retention: Retention;
  /** For whom the spool keeps the most, as a part of a sentence. */
  holder(): string | undefined;
}

/** Whoever comes while others take what was freed gets another try or two, and is then refused. */
const TRIES_MAX = 3;

/**
 * Where new events meet the limits: those of the sinks, then that of the spool. A full spool gives back what
 * it can, and what still does not fit is refused with the name of the sink that holds the most.
 */
export class IntakeGate {
  readonly #options: IntakeGateOptions;

  constructor(options: IntakeGateOptions) {
    this.#options = options;
  }

  async append(
    records: readonly NewRecord[],
    signal: AbortSignal | undefined,
    durability: Durability,
  ): Promise<readonly AppendOutcome[]> {
    const { backlogs, retention } = this.#options;
    const { count, refusal, done } = backlogs.admit(records);
    try {
      if (!refusal) return await this.#append(records, signal, durability);
      const outcomes = count > 0 ? await this.#append(records.slice(0, count), signal, durability) : [];
      return [...outcomes, ...records.slice(count).map(() => refusal)];
    } finally {
      done();
      retention.grown();
    }
  }

  async #append(
    records: readonly NewRecord[],
    signal: AbortSignal | undefined,
    durability: Durability,
  ): Promise<readonly AppendOutcome[]> {
    const { spool, retention, holder } = this.#options;
    let { firstOffset } = spool.state;
    let outcomes = await spool.append(records, signal, durability);
    for (let tries = 1; ; tries++) {
      const from = outcomes.findIndex(({ status }) => status === "full");
      if (from < 0 || signal?.aborted) return outcomes;
      const rest = records.slice(from);
      const bytes = rest.reduce((sum, { body }) => sum + body.length, 0);
      if (tries === TRIES_MAX || !(await retention.relieve(firstOffset, bytes))) break;
      ({ firstOffset } = spool.state);
      outcomes = [...outcomes.slice(0, from), ...(await spool.append(rest, signal, durability))];
    }
    const name = holder();
    return outcomes.map((outcome) =>
      outcome.status === "full" && name !== undefined
        ? { ...outcome, reason: `${outcome.reason}; ${name}` }
        : outcome,
    );
  }
}
