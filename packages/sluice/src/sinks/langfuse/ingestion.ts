import type { Outgoing } from "../define.ts";
import { type Delivery, type ItemDelivery, summary } from "../delivery.ts";
import type { HttpSend } from "../http-send.ts";
import type { Api } from "./api.ts";
import { isNewerKind, itemsOf, type KindForm } from "./items.ts";
import { type Mapped, type Request, requestsOf, worstOf } from "./requests.ts";
import { readResults } from "./results.ts";
import type { Deployment } from "./trace-facts.ts";

/** A way of sending batches. */
export type Send = (batch: readonly Outgoing[], signal: AbortSignal) => Promise<Delivery>;

/**
 * The ingestion route, for servers before v4 and for v4 while it still writes its old tables. Requests go one
 * after the other: a create and an update that meet at the server lose what the update said (Langfuse v2).
 */
export function createIngestion(
  http: HttpSend,
  api: Api,
  deployment: Deployment,
  warn: (message: string) => void,
): Send {
  /** Until the server says that it does not know them. */
  let form: KindForm = "own";
  /** Every answer of the cloud has the same one. */
  let lastWarning: string | undefined;

  async function post(request: Request, outcomes: ItemDelivery[], signal: AbortSignal) {
    const answer = await http.post(request.body, signal, { path: api.ingestion });
    if (answer.status !== "answered") return answer;
    const { httpStatus } = answer;
    const results = readResults(answer.body, request.items, http.redact);
    if (results.name === "closed") return { status: "blocked", reason: results.reason, httpStatus } as const;
    if (results.name === "unreadable")
      return { status: "retry", reason: results.reason, httpStatus } as const;
    if (results.warning !== undefined && results.warning !== lastWarning) {
      lastWarning = results.warning;
      warn(`Langfuse says of its ingestion route: ${results.warning}`);
    }
    const isOlder = !results.knowsKinds && form === "own";
    if (isOlder) form = "span";
    for (const { index, items } of request.events) {
      const each = items.map(({ id, type }) => {
        const outcome = results.outcomes.get(id) ?? { status: "delivered" };
        return isOlder && outcome.status === "rejected" && isNewerKind(type) ? againAsSpan(type) : outcome;
      });
      outcomes[index] = worstOf(each);
    }
    return answer;
  }

  return async (batch, signal) => {
    const outcomes: ItemDelivery[] = new Array(batch.length).fill({ status: "delivered" });
    const requests = requestsOf(mapBatch(batch, outcomes, deployment, form));
    if (typeof requests === "string") return { status: "tooLarge", reason: requests };
    let httpStatus: number | undefined;
    for (const [number, request] of requests.entries()) {
      const answer = await post(request, outcomes, signal);
      if (answer.status !== "answered") {
        // Before anything was stored, its failure is that of the batch.
        if (number === 0) return answer;
        // Else what is left is tried again alone, and gets the same answer then.
        const { reason } = answer;
        const waitMs = answer.status === "retry" ? answer.retryAfterMs : undefined;
        const retry = {
          status: "retry",
          reason,
          ...(waitMs !== undefined && { retryAfterMs: waitMs }),
        } as const;
        for (const { index } of requests.slice(number).flatMap(({ events }) => events))
          outcomes[index] = retry;
        break;
      }
      httpStatus = answer.httpStatus;
    }
    return { ...summary(outcomes), ...(httpStatus !== undefined && { httpStatus }) };
  };
}

/** Maps what has a form here, and writes down the outcome of what has none. */
function mapBatch(
  batch: readonly Outgoing[],
  outcomes: ItemDelivery[],
  deployment: Deployment,
  form: KindForm,
): readonly Mapped[] {
  const mapped: Mapped[] = [];
  for (const [index, outgoing] of batch.entries()) {
    try {
      const result = itemsOf(outgoing.event, deployment, form);
      if ("skipped" in result) outcomes[index] = { status: "skipped", reason: result.skipped };
      else mapped.push({ index, items: result.items });
    } catch {
      // One event that is not what its kind says must not cost its neighbours.
      outcomes[index] = { status: "rejected", reason: "the event cannot be read" };
    }
  }
  return mapped;
}

function againAsSpan(type: string): ItemDelivery {
  return { status: "retry", reason: `this Langfuse knows no ${type}: it goes again in a form of before` };
}
