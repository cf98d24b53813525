import { KIND_CODES } from "@sluice/sdk";
import { type Clock, decodeEvent } from "@sluice/sdk/internal";
import { type AppendOutcome, FLAG_PARTIAL, type NewRecord, type Spool } from "../../spool/spool.ts";
import { appendLateEnd } from "./ends.ts";

/** What a source waits for a record to be read back, beside what it waits for an append. */
const READ_BACK_MS = 500;
/** And beside that for a revision to be counted, if it has no usage: no disk is to blame for that time. */
const COUNT_MS = 5_000;

export interface LateEndsPlace {
  readonly spool: Spool;
  readonly partition: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * The complete end of a run that the assembler has closed meanwhile conflicts with the closing record, and
 * becomes its second revision. Gives back the outcomes with those replaced.
 */
export async function admitLateEnds(
  records: readonly NewRecord[],
  outcomes: readonly AppendOutcome[],
  place: LateEndsPlace,
): Promise<readonly AppendOutcome[]> {
  if (!outcomes.some(({ status }) => status === "conflict")) return outcomes;
  return Promise.all(outcomes.map((outcome, index) => admitLateEnd(records[index], outcome, place)));
}

async function admitLateEnd(
  record: NewRecord | undefined,
  outcome: AppendOutcome,
  { spool, partition, clock, signal }: LateEndsPlace,
): Promise<AppendOutcome> {
  const isEnd = record?.kindCode === KIND_CODES["run.ended"] && (record.flags & FLAG_PARTIAL) === 0;
  if (outcome.status !== "conflict" || !isEnd) return outcome;
  const end = decodeEvent(record.body);
  const isCounted = record.end !== undefined && record.end.usage === undefined;
  const patienceMs = READ_BACK_MS + (isCounted ? COUNT_MS : 0);
  return within(patienceMs, clock, appendLateEnd(spool, partition, end, outcome.offset, signal));
}

/** The source of a late end is answered in time, also if a disk that hangs keeps what stands there. */
function within(patienceMs: number, clock: Clock, late: Promise<AppendOutcome>): Promise<AppendOutcome> {
  return new Promise((resolve) => {
    const reason = "the disk does not answer";
    const timer = clock.after(patienceMs, () => resolve({ status: "slow", reason }));
    late
      .catch((error): AppendOutcome => ({ status: "failed", reason: String(error) }))
      .then((outcome) => {
        timer.cancel();
        resolve(outcome);
      });
  });
}
