import type { AppendOutcome, Durability, NewRecord } from "../spool/spool.ts";

/**
 * What every source hands its records to: transforms, then the durable append, then the live tee. The only
 * thing a source knows of the rest of the house. Resolves when the records are as durable as `durability`
 * says; one outcome per record, in order.
 */
export interface Intake {
  /** What an acknowledgement of this source is worth. */
  readonly durability: Durability;
  append(records: readonly NewRecord[], signal?: AbortSignal): Promise<readonly AppendOutcome[]>;
  /** Boot id of this process in this data dir: the `writer` of the runs that a source will end itself. */
  readonly bootId: string;
}
