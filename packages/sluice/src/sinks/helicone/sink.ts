import { KIND_CODES } from "@sluice/sdk";
import { z } from "zod";
import { defineSink, type Sink, type SinkContext } from "../define.ts";
import { sendBatch } from "./send-batch.ts";
import { connect } from "./server.ts";

const WORKER_URL = "https://api.worker.helicone.ai";
const API_URL = "https://api.helicone.ai";
/** Each is a request, so nothing is gained on the wire; but of a run and its score the record goes first. */
const BATCH_EVENTS_MAX = 16;
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
  limits: { events: BATCH_EVENTS_MAX, bytes: BATCH_BYTES_MAX, requestsPerSecond: 100 / BATCH_EVENTS_MAX },
  tune: ({ requests_per_second }) => ({ requestsPerSecond: requests_per_second / BATCH_EVENTS_MAX }),
  // A late end must come last; calls need no order among each other. A score that waits for its run must not
  // hold the end of that very run up.
  order: "run",
  isKeyless: (kindCode) => kindCode === KIND_CODES["run.scored"],
  inFlight: 2,
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
      [
        "a provider without a route of its own",
        "`provider`, and its name as events have it in the property `Provider`: the worker keeps its route's",
      ],
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
      "A score for a run that Helicone does not know is tried again for a minute after the run was sent, or the score first tried, and is a dead letter then.",
      "An event is a request: of a batch four are under way at a time.",
      "Signatures and sealed thoughts of providers are left out.",
    ],
  },
  destination: ({ endpoint }) => new URL(endpoint).href,
  skips: (kindCode) =>
    kindCode === KIND_CODES["run.ended"] || kindCode === KIND_CODES["run.scored"] ? undefined : "unmapped",
  open: async (settings, context) => openHelicone(settings, context),
});

function openHelicone(settings: Settings, context: SinkContext): Sink {
  const { endpoint, api_key: key, timeout_ms: timeoutMs, spans, score_scale: scoreScale } = settings;
  const api = settings.api_endpoint ?? apiUrlOf(endpoint);
  const server = connect({ endpoint, api, key, timeoutMs, clock: context.clock });

  return {
    send: (batch, signal) => sendBatch(batch, server, { spans, scoreScale }, signal),
    check: (signal) => server.check(signal),
    close: () => server.close(),
  };
}

/** Helicone's cloud has a server of its own for it. */
function apiUrlOf(endpoint: string): string {
  const { origin } = new URL(endpoint);
  return origin === WORKER_URL ? API_URL : origin;
}
