import type { Event } from "@sluice/sdk";
import { BUS, deriveId, isPiece } from "@sluice/sdk/internal";
import { isoTime } from "../iso-time.ts";
import { defined } from "./defined.ts";
import { type Observation, type ObservationType, observationOf } from "./observation.ts";
import { scoresOf } from "./scores.ts";
import { type Deployment, isRoot, type TraceFacts, traceFactsOf } from "./trace-facts.ts";

/** One element of a request's `batch`. */
export interface Envelope {
  /** A UUIDv5 of the event's id and the item's role, so that a second arrival is known for one. */
  readonly id: string;
  readonly timestamp: string;
  readonly type: string;
  readonly body: object;
}

/** What becomes of one event: its items, in their order, or the reason why there are none. */
export type Items = { readonly items: readonly Envelope[] } | { readonly skipped: string };

/**
 * How kinds that came to Langfuse in the autumn of 2025 are written: as themselves, or as spans for an older
 * server, which refuses the whole item.
 */
export type KindForm = "own" | "span";

/**
 * The projection of one event to the ingestion route, as the fifth seed drew it: a session is a trace-create,
 * the start of a model's run a generation-create, its end a generation-update. Agents, tools, chains,
 * retrievers and embeddings have a create only, which updates what is there. Every update repeats the whole
 * observation, so that it stands by itself where the create was never sent.
 */
export function itemsOf(event: Event, deployment: Deployment, form: KindForm): Items {
  const traceId = traceIdOf(event);
  if (traceId === undefined) return { skipped: "no_trace" };
  const facts = traceFactsOf(event, deployment);
  if (event.kind === "session.created") return { items: [traceOf(event, traceId, facts)] };
  if (event.kind === "run.scored") return scoreItemsOf(event, traceId, facts);
  if (isPiece(event)) return { skipped: "partial" };
  const observation = observationOf(event);
  if (!observation) return { skipped: "unmapped" };
  const item = observationItemOf(event, observation, { traceId, facts, form });
  const isTop = event.run !== undefined && event.parentRunId === undefined;
  if (!isTop || isOfBus(event)) return { items: [item] };
  // Below a span that Langfuse may never get, the trace would not be listed; its name is not ours to give.
  const { input, output } = isRoot(event) ? observation : {};
  return { items: [traceOf(event, traceId, { ...facts, ...defined({ input, output }) }), item] };
}

/**
 * The trace, by the sender's own name for it; a run without one is a trace of its own. Undefined for what the
 * bus could not bind to a trace, and for what belongs to no run.
 */
function traceIdOf(event: Event): string | undefined {
  if (event.traceId !== undefined) return event.traceId;
  return isOfBus(event) ? undefined : event.runId;
}

/** There the session has made the trace, and knows more of it than a message does. */
function isOfBus(event: Event): boolean {
  return event.origin?.dialect === BUS;
}

function traceOf(event: Event, traceId: string, facts: TraceFacts): Envelope {
  const start = event.run?.startTime ?? event.time;
  const timestamp = isoTime(start, event.time);
  return envelopeOf(event, "trace", "trace-create", { id: traceId, timestamp, ...facts });
}

interface Whereabouts {
  readonly traceId: string;
  readonly facts: TraceFacts;
  readonly form: KindForm;
}

function observationItemOf(event: Event, observation: Observation, { traceId, facts, form }: Whereabouts) {
  const { key, parentKey, type: observationType, ...fields } = observation;
  const written = form === "own" ? observationType : olderOf(observationType);
  const action = written === "generation" && event.kind === "run.ended" ? "update" : "create";
  const type = `${written}-${action}`;
  const body = {
    id: key,
    traceId,
    ...fields,
    ...defined({
      parentObservationId: parentKey ?? event.parentSpanId,
      environment: facts.environment,
      version: facts.version,
    }),
  };
  return envelopeOf(event, type, type, body);
}

/** Is this type of an item one that only newer servers know? */
export function isNewerKind(type: string): boolean {
  return /^(agent|tool|chain|retriever|embedding)-create$/.test(type);
}

/** What every server knows. */
function olderOf(type: ObservationType): ObservationType {
  if (type === "embedding") return "generation";
  return type === "generation" || type === "event" ? type : "span";
}

function scoreItemsOf(event: Event, traceId: string, { environment }: TraceFacts): Items {
  const observationId = event.runId;
  if (observationId === undefined) return { skipped: "no_trace" };
  const scores = scoresOf(event, { traceId, observationId, environment });
  if (scores.length === 0) return { skipped: "no_score" };
  return {
    items: scores.map((score) => envelopeOf(event, `score:${score.name}`, "score-create", score)),
  };
}

function envelopeOf(event: Event, role: string, type: string, body: object): Envelope {
  const timestamp = isoTime(event.time, event.time);
  return { id: deriveId(event.id, `langfuse:${role}`), timestamp, type, body };
}
