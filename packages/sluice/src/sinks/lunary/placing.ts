import type { Failure } from "../classify.ts";
import type { ItemDelivery } from "../delivery.ts";
import type { HttpSend } from "../http-send.ts";
import type { RecentRuns } from "../recent-runs.ts";
import { notBefore } from "./batch.ts";
import type { MappedRun } from "./mapping.ts";
import type { Parents } from "./parents.ts";

/** What becomes of the feedback of a request. */
export interface Placed {
  /** Of runs that are stored, or will be by what stands before it in the request. */
  readonly ready: readonly MappedRun[];
  readonly outcomes: ReadonlyMap<number, ItemDelivery>;
  /** What kept us from finding out. */
  readonly failure?: Failure;
}

/** Runs that are asked for in one request's time: the server counts questions like requests. */
const QUESTIONS_MAX = 5;
/** So long the others wait, and those whose run is not there. */
const ASK_AGAIN_MS = 3_000;

/**
 * Puts feedback where its run is stored, because Lunary answers feedback for a run that it does not have with
 * success, and stores it nowhere. A run that was delivered by this process is known, that of an earlier one
 * is asked for. Feedback whose run Lunary does not have waits for a minute, and is refused here then, so that
 * it becomes a dead letter.
 */
export async function placed(
  feedback: readonly MappedRun[],
  arranged: readonly MappedRun[],
  parents: Parents,
  recent: RecentRuns,
  ask: (runId: string) => ReturnType<HttpSend["get"]>,
): Promise<Placed> {
  const starts = new Map(arranged.map(({ events }) => [events[0]?.runId, events[0]?.timestamp]));
  const outcomes = new Map<number, ItemDelivery>();
  const ready: MappedRun[] = [];
  let questions = 0;
  for (const each of feedback) {
    const runId = each.events[0]?.runId ?? "";
    const startsAt = starts.get(runId);
    if (startsAt !== undefined || parents.isStored(runId)) {
      const { index, events } = each;
      ready.push(startsAt === undefined ? each : { index, events: notBefore(events, startsAt) });
    } else if (++questions > QUESTIONS_MAX) {
      const reason = "its run is not known yet, and is asked for later";
      outcomes.set(each.index, { status: "retry", reason, retryAfterMs: ASK_AGAIN_MS });
    } else {
      const answer = await ask(runId);
      if (answer.status === "answered") {
        parents.delivered(runId);
        ready.push(each);
      } else if (answer.httpStatus === 404) {
        outcomes.set(each.index, unknown(recent.mayAppear(runId)));
      } else if (answer.status === "rejected" || answer.status === "tooLarge") {
        outcomes.set(each.index, { status: "rejected", reason: answer.reason });
      } else return { ready, outcomes, failure: answer };
    }
  }
  return { ready, outcomes };
}

/** The end of its run may stand behind it: when it is due again, both come in one request. */
function unknown(mayAppear: boolean): ItemDelivery {
  const reason = "Lunary does not have this run (yet)";
  return mayAppear ? { status: "retry", reason, retryAfterMs: ASK_AGAIN_MS } : { status: "rejected", reason };
}

/** Feedback was stored only if its run was: its own success says nothing. */
export function asItsRun(
  feedback: MappedRun,
  outcome: ItemDelivery,
  ofRun: ItemDelivery | undefined,
): ItemDelivery {
  if (feedback.events[0]?.event !== "feedback" || !ofRun || ofRun.status === "delivered") return outcome;
  return ofRun.status === "rejected" ? { status: "rejected", reason: "its run was refused" } : ofRun;
}
