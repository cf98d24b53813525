import type { AppendOutcome, Durability, NewRecord, Spool } from "../spool/spool.ts";
import { bytesOwedFor } from "./assembler/debt.ts";
import type { Backlogs } from "./backlogs.ts";
import type { Retention } from "./retention.ts";

export interface IntakeGateOptions {
  readonly spool: Spool;
  readonly backlogs: Backlogs;
  readonly retention: Retention;
  /** The room that the assembler may need for what is in the spool already. */
  readonly assembler: { readonly owedBytes: number };
  /** For whom the spool keeps the most, as a part of a sentence. */
  holder(): string | undefined;
}

/** A record's header. */
const HEADER_BYTES = 64;

/** Whoever comes while others take what was freed gets another try or two, and is then refused. */
const TRIES_MAX = 3;

/**
 * Where new events meet the limits: those of the sinks, then that of the spool, in which the assembler must
 * still find room for the ends of all runs that are in it. A full spool gives back what it can, and what
 * still does not fit is refused with the name of the sink that holds the most.
 */
export class IntakeGate {
  readonly #options: IntakeGateOptions;
  #refusing: string | undefined;

  constructor(options: IntakeGateOptions) {
    this.#options = options;
  }

  /** Why it took no event when it was asked last; undefined if it did. */
  get refusing(): string | undefined {
    return this.#refusing;
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
    let outcomes = await this.#store(records, signal, durability);
    for (let tries = 1; ; tries++) {
      const from = outcomes.findIndex(({ status }) => status === "full");
      if (from < 0 || signal?.aborted) return outcomes;
      const rest = records.slice(from);
      const bytes = rest.reduce((sum, { body }) => sum + body.length, 0);
      if (tries === TRIES_MAX || !(await retention.relieve(firstOffset, bytes))) break;
      ({ firstOffset } = spool.state);
      outcomes = [...outcomes.slice(0, from), ...(await this.#store(rest, signal, durability))];
    }
    const name = holder();
    return outcomes.map((outcome) =>
      outcome.status === "full" && name !== undefined
        ? { ...outcome, reason: `${outcome.reason}; ${name}` }
        : outcome,
    );
  }

  /** As many from the front as leave the assembler the room that it needs for them, and for all before. */
  async #store(
    records: readonly NewRecord[],
    signal: AbortSignal | undefined,
    durability: Durability,
  ): Promise<readonly AppendOutcome[]> {
    const { spool, assembler } = this.#options;
    const { bytes, maxBytes } = spool.state;
    const { owedBytes } = assembler;
    let room = maxBytes - bytes - owedBytes;
    let count = 0;
    for (const record of records) {
      room -= record.body.length + HEADER_BYTES + bytesOwedFor(record);
      if (room < 0) break;
      count++;
    }
    if (count === records.length) {
      this.#refusing = undefined;
      return spool.append(records, signal, durability);
    }
    const limit = `ends of runs may need ${owedBytes}, and its limit is ${maxBytes} (max_bytes)`;
    const reason = `the spool holds ${bytes} bytes, ${limit}`;
    this.#refusing = reason;
    const stored = count > 0 ? await spool.append(records.slice(0, count), signal, durability) : [];
    return [...stored, ...records.slice(count).map(() => ({ status: "full", reason }) as const)];
  }
}
