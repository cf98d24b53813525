import { crc32 } from "node:zlib";
import { endId } from "@sluice/sdk/internal";
import type { Outgoing } from "../../../packages/sluice/src/sinks/define.ts";
import {
  type AppendOutcome,
  FLAG_PARTIAL,
  type NewRecord,
} from "../../../packages/sluice/src/spool/spool.ts";
import { subjectOf } from "./backend.ts";
import { demand } from "./violation.ts";

export interface Acknowledged {
  readonly record: NewRecord;
  readonly offset: number;
  /** What every backend has to be given of it. */
  readonly subject: string;
}

const RUN_STARTED = 1;
const RUN_ENDED = 2;

/**
 * What the clients know: everything they ever sent, and what they were told of it. Nothing here is taken from
 * the product, so it can be held against it.
 */
export class Acknowledgements {
  /** Sums of everything that was sent under an id. */
  readonly #sent = new Map<string, Set<number>>();
  readonly #runs = new Set<string>();
  readonly byId = new Map<string, Acknowledged>();
  readonly #ends: Acknowledged[] = [];
  readonly #starts = new Map<string, Acknowledged>();
  readonly #endOffsets = new Map<string, number>();
  /** Ids that were stored again, with where they were: that must have been about to be trimmed. */
  readonly again: { readonly id: string; readonly offset: number }[] = [];
  /** Records, counted as often as they were sent. */
  offered = 0;
  refused = 0;

  sent(records: readonly NewRecord[]): void {
    for (const { id, received, runId } of records) {
      this.offered++;
      const sums = this.#sent.get(id) ?? new Set();
      sums.add(received.crc);
      this.#sent.set(id, sums);
      if (runId !== undefined) {
        this.#runs.add(endId(runId));
        this.#runs.add(endId(runId, 2));
      }
    }
  }

  /** Everything that was ever acknowledged and that backends have to have. */
  *all(): Iterable<Acknowledged> {
    for (const acknowledged of this.byId.values()) {
      if ((acknowledged.record.flags & FLAG_PARTIAL) === 0) yield acknowledged;
    }
    yield* this.#ends;
  }

  /** Runs of which the start was acknowledged. */
  *started(): Iterable<NewRecord> {
    for (const { record } of this.byId.values()) if (record.kindCode === RUN_STARTED) yield record;
  }

  /** The start that was acknowledged at a lower offset than this end, or that it was made of. */
  startOf({ id, event }: Outgoing): string | undefined {
    if (event.kind !== "run.ended" || event.runId === undefined) return undefined;
    const start = this.#starts.get(event.runId);
    if (!start) return undefined;
    // What we have made says of what; what a writer has made says nothing, and has its own offset.
    const pieces = event.run?.pieces;
    const isAfter = pieces
      ? pieces.includes(start.record.id)
      : start.offset < (this.#endOffsets.get(id) ?? Number.NEGATIVE_INFINITY);
    return isAfter ? start.record.id : undefined;
  }

  /** `firstOffset` as it was when the outcome was told: what was trimmed is not known any more. */
  told(records: readonly NewRecord[], outcomes: readonly AppendOutcome[], firstOffset: number): void {
    demand(records.length === outcomes.length, "an append told an outcome for each of its records (P1)");
    for (const [index, record] of records.entries()) {
      const outcome = outcomes[index];
      if (outcome) this.#toldOne(record, outcome, firstOffset);
    }
  }

  /** Whether a record that lies in the spool was sent by somebody, or can have been made by us. */
  isKnown(id: string, body: Uint8Array): boolean {
    return this.#sent.get(id)?.has(crc32(body)) || this.#runs.has(id);
  }

  #toldOne(record: NewRecord, outcome: AppendOutcome, firstOffset: number): void {
    const { id } = record;
    // Our own end of a run may be there before its writer's: then that is stored under another id.
    const isEnd = record.kindCode === RUN_ENDED && (record.flags & FLAG_PARTIAL) === 0;
    switch (outcome.status) {
      case "full":
      case "failed":
        this.refused++;
        return;
      case "conflict": {
        const isSame = this.#isStored(record, outcome.offset);
        demand(
          isEnd || !isSame,
          `${id} was stored at ${outcome.offset}, and the same bytes are a conflict (P3)`,
        );
        return;
      }
      case "duplicate":
      case "appended": {
        const acknowledged = { record, offset: outcome.offset, subject: subjectOf({ id, raw: record.body }) };
        if (isEnd) {
          this.#ends.push(acknowledged);
          this.#endOffsets.set(id, outcome.offset);
          return;
        }
        // A long call may hear late of what it was a duplicate of when its turn came, and what is trimmed by now.
        if (outcome.offset < (this.byId.get(id)?.offset ?? 0)) return;
        this.#compare(acknowledged, firstOffset);
        this.byId.set(id, acknowledged);
        if (record.kindCode === RUN_STARTED) this.#starts.set(record.runId ?? "", acknowledged);
      }
    }
  }

  #compare(now: Acknowledged, firstOffset: number): void {
    const { id } = now.record;
    const before = this.byId.get(id);
    if (!before) return;
    const isSame = before.offset === now.offset && before.record.received.crc === now.record.received.crc;
    // Outcomes of calls that were stored together may be heard in any order.
    if (isSame) return;
    if (before.offset >= firstOffset) this.again.push({ id, offset: before.offset });
  }

  #isStored({ id, received }: NewRecord, offset: number): boolean {
    const before = this.byId.get(id);
    return before?.offset === offset && before.record.received.crc === received.crc;
  }
}
