import type { Failure } from "../classify.ts";
import type { Outgoing } from "../define.ts";
import { type Delivery, type ItemDelivery, summary } from "../delivery.ts";
import { requestIdOf } from "./meta.ts";
import { type Mapped, mapped } from "./record.ts";
import { type ScoreRequest, scoreRequestsOf } from "./scores.ts";
import type { HeliconeServer } from "./server.ts";

const HTTP_NOT_FOUND = 404;
/** Requests of one batch under way. Two batches then use all connections that there are. */
const REQUESTS_AT_ONCE = 4;

interface Mapping {
  readonly spans: boolean;
  readonly scoreScale: number;
}

/**
 * Sends a batch, one request an event, each with an outcome of its own. The first goes alone: where it fails,
 * it fails for all, and a server that is down is asked once. Scores go last, behind the records that
 * they may be about. A record that was stored before another failed is sent again, and meets itself.
 */
export async function sendBatch(
  batch: readonly Outgoing[],
  server: HeliconeServer,
  mapping: Mapping,
  signal: AbortSignal,
): Promise<Delivery> {
  const outcomes: ItemDelivery[] = new Array(batch.length).fill({ status: "delivered" });
  const records: Request[] = [];
  const scores: Request[] = [];
  for (const [index, outgoing] of batch.entries()) {
    const work = workOf(outgoing, mapping);
    if ("status" in work) outcomes[index] = work;
    else if ("skipped" in work) outcomes[index] = { status: "skipped", reason: work.skipped };
    else if ("record" in work) records.push({ index, send: () => server.log(work, signal) });
    else scores.push({ index, send: () => server.score(work.requestId, work.requests, signal) });
  }
  const [first, ...others] = [...records, ...scores];
  const delivery = await first?.send();
  if (first && delivery) {
    if (!isEarly(delivery) && isFailure(delivery)) return delivery;
    outcomes[first.index] = itemOf(delivery);
  }
  const isScore = (request: Request) => scores.includes(request);
  const blocked =
    (await sendAll(
      others.filter((request) => !isScore(request)),
      outcomes,
    )) ?? (await sendAll(others.filter(isScore), outcomes));
  if (blocked) return blocked;
  const httpStatus = delivery?.httpStatus;
  // Said once for all, an early score would look like a server that is down.
  const isMixed = outcomes.some(isEarly);
  const said: Delivery = isMixed ? { status: "mixed", each: outcomes } : summary(outcomes);
  return { ...said, ...(httpStatus !== undefined && { httpStatus }) };
}

/** A score whose record is not there yet waits by itself. */
function isEarly(delivery: Delivery): boolean {
  return delivery.status === "retry" && delivery.httpStatus === HTTP_NOT_FOUND;
}

interface Request {
  readonly index: number;
  send(): Promise<Delivery>;
}

/** Some at a time, until all are done or somebody has to mend something. */
async function sendAll(
  requests: readonly Request[],
  outcomes: ItemDelivery[],
): Promise<Delivery | undefined> {
  const left = [...requests];
  let blocked: Delivery | undefined;
  const lane = async () => {
    for (let request = left.shift(); request && !blocked; request = left.shift()) {
      const delivery = await request.send();
      if (delivery.status === "blocked") blocked = delivery;
      else outcomes[request.index] = itemOf(delivery);
    }
  };
  await Promise.all(Array.from({ length: Math.min(REQUESTS_AT_ONCE, left.length) }, lane));
  return blocked;
}

function isFailure(delivery: Delivery): delivery is Failure {
  return delivery.status !== "delivered" && delivery.status !== "skipped";
}

/** A request is one event, so whatever came of it came of that. */
function itemOf(delivery: Delivery): ItemDelivery {
  switch (delivery.status) {
    case "delivered":
      return { status: "delivered" };
    case "tooLarge":
      return { status: "rejected", reason: delivery.reason };
    case "retry":
    case "rejected":
    case "skipped":
      return delivery;
    default:
      return { status: "retry", reason: `the request was ${delivery.status}` };
  }
}

/** What is to be done for an event: a record, scores, or nothing. */
type Work =
  | Mapped
  | { readonly requestId: string; readonly requests: readonly ScoreRequest[] }
  | (ItemDelivery & { readonly status: "rejected" });

function workOf(outgoing: Outgoing, { spans, scoreScale }: Mapping): Work {
  try {
    const { event } = outgoing;
    if (event.kind !== "run.scored" || event.runId === undefined) return mapped(event, spans);
    const requests = scoreRequestsOf(event, scoreScale);
    return requests.length === 0
      ? { skipped: "unmapped" }
      : { requestId: requestIdOf(event.runId), requests };
  } catch {
    // One event that is not what its kind says must not cost its neighbours.
    return { status: "rejected", reason: "the event cannot be read" };
  }
}
