import { KIND_CODES } from "@sluice/sdk";
import { z } from "zod";
import { defineSink, type Outgoing, type Sink, type SinkContext } from "../define.ts";
import { type Delivery, type ItemDelivery, summary } from "../delivery.ts";
import { type Mapped, mapped } from "./record.ts";
import { type ScoreRequest, scoreRequestsOf } from "./scores.ts";
import { connect, type HeliconeServer } from "./server.ts";

const WORKER_URL = "https://api.worker.helicone.ai";
const API_URL = "https://api.helicone.ai";
/** As large as an event may be. */
const BATCH_BYTES_MAX = 10 * 1024 * 1024;

const url = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !URL.parse(text)?.username, "must not contain a user name; the key goes to api_key");

const options = z.strictObject({
  api_key: z
    .string()
    .min(1)
    .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces")
    .meta({ secret: true })
    .describe("A Helicone key with write access (`sk-helicone-…`)."),
  endpoint: url
    .default(WORKER_URL)
    .describe(
      "Where records are posted. A base URL gets the worker's route of each provider; a server of one's own takes all at one path, like `http://localhost:8585/v1/trace/custom/v1/log`.",
    ),
  api_endpoint: url
    .optional()
    .describe(`Where scores go. Default: ${API_URL} for Helicone's cloud, else the endpoint's server.`),
  score_scale: z
    .number()
    .min(1)
    .max(1_000_000)
    .default(1_000)
    .describe(
      "Every number of a score is multiplied by this and rounded: Helicone keeps whole numbers only.",
    ),
  spans: z
    .boolean()
    .default(false)
    .describe("Also log agents, chains and runs of types of your own, as records of type `data`."),
  requests_per_second: z
    .number()
    .min(0.01)
    .max(1_000)
    .default(100)
    .describe("How often the server may be asked: a record is a request."),
  timeout_ms: z
    .int()
    .min(100)
    .max(600_000)
    .default(30_000)
    .describe("Upper bound for one request, in milliseconds."),
});

type Settings = z.output<typeof options>;

export const heliconeSink = defineSink({
  type: "helicone",
  summary: "Logs each finished call at Helicone, in its provider's own format.",
  options,
  limits: { events: 1, bytes: BATCH_BYTES_MAX, requestsPerSecond: 100 },
  tune: ({ requests_per_second }) => ({ requestsPerSecond: requests_per_second }),
  // A score must find its run stored; calls need no order among each other.
  order: "run",
  inFlight: 8,
  docs: {
    example:
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own placeholder.
      '[[sinks]]\nname = "helicone"\ntype = "helicone"\n\n[sinks.params]\napi_key = "${env:HELICONE_API_KEY}"',
    mapping: [
      [
        "run.ended of an llm, an embedding",
        "one record: request, answer and usage as its provider writes them",
      ],
      ["run.ended of a tool", "a record of type `tool`"],
      ["run.ended of a retriever", "a record of type `vector_db`"],
      [
        "run.ended of an agent, a chain, another type",
        "skipped `unmapped`; a record of type `data` with `spans = true`",
      ],
      ["status error", "the provider's status, else 500, and `error` in the answer"],
      ["status cancelled", "499, and `error` in the answer"],
      ["status incomplete", "200 with what was answered and the property `Truncated`; without an answer 500"],
      ["run.scored with a thumb or a boolean `rating`", "`/v1/request/{id}/feedback`"],
      ["run.scored with numbers or booleans", "`/v1/request/{id}/score`, numbers times `score_scale`"],
      ["the run's id", "`Helicone-Request-Id`: a UUIDv5 of it; itself in the property `Run-Id`"],
      ["user, session", "`Helicone-User-Id`, `Helicone-Session-Id`, `-Path`, and `-Name` (the connector)"],
      ["metadata, tags, parent, trace", "`Helicone-Property-*`, nested keys with dots"],
      ["first token", "`timing.timeToFirstToken`"],
      ["cost", "the property `Cost-Usd`; Helicone also computes its own from the usage"],
      ["everything else", "skipped `unmapped`"],
    ],
    notes: [
      "A retry or a replay meets its own record: the request id, the model, the user, the provider and the start time are always the same. A run that came again with another model (an incomplete one that ended after all) makes a second row under its id.",
      "Tenants are kept apart by `meta` alone: no Helicone header is ever sent over HTTP, because those win over it.",
      "What a header cannot hold (line feeds, anything above U+00FF) is percent-encoded in property names and values; `decodeURIComponent` gives it back.",
      "A streamed answer is sent joined, without `stream` in the request (Helicone would look for server-sent events in it) and with the property `Stream`.",
      "Helicone tells a tree by `Helicone-Session-Path` alone: a run stands below its parent's id there, and an agent under its own, so trees are two levels deep.",
      "A record of more than 10 MB (as JSON in UTF-16 units) is what Helicone does not take: it becomes a dead letter and is never sent.",
      "A score for a run that Helicone does not know is tried again for a minute after the run was sent, and is a dead letter then.",
      "Signatures and sealed thoughts of providers are left out.",
    ],
  },
  destination: ({ endpoint }) => new URL(endpoint).href,
  skips: (kindCode) =>
    kindCode === KIND_CODES["run.ended"] || kindCode === KIND_CODES["run.scored"] ? undefined : "unmapped",
  open: async (settings, context) => openHelicone(settings, context),
});

function openHelicone(settings: Settings, context: SinkContext): Sink {
  const { endpoint, api_key: key, timeout_ms: timeoutMs } = settings;
  const api = settings.api_endpoint ?? apiUrlOf(endpoint);
  const server = connect({ endpoint, api, key, timeoutMs, clock: context.clock });

  return {
    async send(batch, signal) {
      const outcomes: ItemDelivery[] = [];
      for (const outgoing of batch) {
        const delivery = await deliver(server, outgoing, settings, signal);
        if (delivery.status === "delivered" || delivery.status === "skipped") outcomes.push(delivery);
        else if (outcomes.length === 0) return delivery;
        else return { status: "mixed", each: filledUp(outcomes, batch.length) };
      }
      return summary(outcomes);
    },
    check: (signal) => server.check(signal),
    close: () => server.close(),
  };
}

/** Nothing else was tried: what failed comes first the next time, and its failure is then the answer. */
function filledUp(outcomes: readonly ItemDelivery[], length: number): readonly ItemDelivery[] {
  const missing = length - outcomes.length;
  return [...outcomes, ...Array(missing).fill({ status: "retry", reason: "one before it was not taken" })];
}

async function deliver(
  server: HeliconeServer,
  outgoing: Outgoing,
  settings: Settings,
  signal: AbortSignal,
): Promise<Delivery> {
  const work = workOf(outgoing, settings);
  if ("status" in work) return work;
  if ("skipped" in work) return { status: "skipped", reason: work.skipped };
  if ("record" in work) return server.log(work, signal);
  return server.score(work.runId, work.requests, signal);
}

/** What is to be done for an event: a record, scores, or nothing. */
type Work =
  | Mapped
  | { readonly runId: string; readonly requests: readonly ScoreRequest[] }
  | (ItemDelivery & { readonly status: "rejected" });

function workOf(outgoing: Outgoing, { spans, score_scale: scale }: Settings): Work {
  try {
    const { event } = outgoing;
    if (event.kind !== "run.scored" || event.runId === undefined) return mapped(event, spans);
    const requests = scoreRequestsOf(event, scale);
    return requests.length === 0 ? { skipped: "unmapped" } : { runId: event.runId, requests };
  } catch {
    // One event that is not what its kind says must not cost its neighbours.
    return { status: "rejected", reason: "the event cannot be read" };
  }
}

/** Helicone's cloud has a server of its own for it. */
function apiUrlOf(endpoint: string): string {
  const { origin } = new URL(endpoint);
  return origin === WORKER_URL ? API_URL : origin;
}
