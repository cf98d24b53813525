import type { Event } from "@sluice/sdk";
import { deriveId, spanIdOf, traceIdOf } from "@sluice/sdk/internal";
import type { Failure } from "../classify.ts";
import type { ItemDelivery } from "../delivery.ts";
import type { HttpSend } from "../http-send.ts";
import { isoTime } from "../iso-time.ts";
import type { Api } from "./api.ts";
import type { Envelope } from "./items.ts";
import { type Mapped, requestsOf, worstOf } from "./requests.ts";
import { readResults } from "./results.ts";
import { type Score, scoresOf } from "./scores.ts";
import { type Deployment, traceFactsOf } from "./trace-facts.ts";

/** A run.scored, with its place in the batch. */
export interface ScoreEvent {
  readonly index: number;
  readonly event: Event;
}

/** Writes what became of each into the outcomes. A failure instead: that of all of them. */
export type SendScores = (
  events: readonly ScoreEvent[],
  outcomes: ItemDelivery[],
  signal: AbortSignal,
) => Promise<Failure | undefined>;

/**
 * Scores beside OTLP. One goes to the scores API. Several go to the ingestion route, which takes scores from
 * everybody, also in `events_only`, and many in a request: the cloud lets a small plan ask its API 30 times a
 * minute, and that route 1,000 times.
 */
export function createScoreSender(http: HttpSend, api: Api, deployment: Deployment): SendScores {
  async function postOne(score: Score, signal: AbortSignal): Promise<Failure | undefined> {
    const answer = await http.post(JSON.stringify(score), signal, { path: api.scores });
    if (answer.status !== "answered") return answer;
    if (/^\s*\{.*"id"/s.test(answer.body)) return undefined;
    const reason = `the answer is not Langfuse's: ${http.redact(answer.body).slice(0, 200)}`;
    return { status: "retry", reason, httpStatus: answer.httpStatus };
  }

  async function postMany(events: readonly Mapped[], outcomes: ItemDelivery[], signal: AbortSignal) {
    const requests = requestsOf(events);
    if (typeof requests === "string") return { status: "tooLarge", reason: requests } as const;
    for (const request of requests) {
      const answer = await http.post(request.body, signal, { path: api.ingestion });
      if (answer.status !== "answered") return answer;
      const results = readResults(answer.body, request.items, http.redact);
      const { httpStatus } = answer;
      if (results.name !== "read") return { status: "retry", reason: results.reason, httpStatus } as const;
      for (const { index, items } of request.events) {
        outcomes[index] = worstOf(items.map(({ id }) => results.outcomes.get(id) ?? { status: "delivered" }));
      }
    }
    return undefined;
  }

  return async (events, outcomes, signal) => {
    const mapped: Mapped[] = [];
    const scores: Score[] = [];
    for (const { index, event } of events) {
      try {
        const ofEvent = scoresAt(event, deployment);
        const items = ofEvent.map((score) => envelopeOf(event, score));
        if (items.length === 0) outcomes[index] = { status: "skipped", reason: "no_score" };
        else mapped.push({ index, items });
        scores.push(...ofEvent);
      } catch {
        // One event that is not what its kind says must not cost its neighbours.
        outcomes[index] = { status: "rejected", reason: "the event cannot be read" };
      }
    }
    const [only, another] = scores;
    if (only === undefined) return undefined;
    return another === undefined ? postOne(only, signal) : postMany(mapped, outcomes, signal);
  };
}

function scoresAt(event: Event, deployment: Deployment): readonly Score[] {
  if (event.runId === undefined) return [];
  const { environment } = traceFactsOf(event, deployment);
  return scoresOf(event, {
    traceId: traceIdOf(event),
    observationId: spanIdOf(event.runId),
    environment,
  });
}

function envelopeOf(event: Event, score: Score): Envelope {
  const timestamp = isoTime(event.time, event.time);
  return {
    id: deriveId(event.id, `langfuse:score:${score.name}`),
    timestamp,
    type: "score-create",
    body: score,
  };
}
