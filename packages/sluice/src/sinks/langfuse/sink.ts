import { KIND_CODES } from "@sluice/sdk";
import { defineSink, type Sink, type SinkContext } from "../define.ts";
import { delivered } from "../delivery.ts";
import { createHttpSend } from "../http-send.ts";
import { apiAt } from "./api.ts";
import { check } from "./check.ts";
import { docs } from "./docs.ts";
import { createIngestion } from "./ingestion.ts";
import { endpointOf, options, type Settings } from "./options.ts";
import { createOtlp } from "./otlp.ts";
import { ITEMS_MAX } from "./requests.ts";

/** As many spans as Langfuse's own exporters put into a request. */
const SPANS_MAX = 512;
/** A span is little more than its event; with raw bytes below this, a body mostly stays below 4 MB. */
const OTLP_BYTES_MAX = 3_500_000;
/** The trace repeats what its root was asked and answered: twice this stays below 2.5 MB. */
const INGESTION_BYTES_MAX = 1_000_000;
/** 32 results, each with a schema's complaint; or the job of a queue. */
const ANSWER_BYTES_MAX = 512 * 1024;

/** What neither mode has a form for. */
const UNMAPPED: ReadonlySet<number> = new Set([
  KIND_CODES["session.updated"],
  KIND_CODES["session.ended"],
  KIND_CODES["init.started"],
  KIND_CODES["init.succeeded"],
  KIND_CODES["cache.miss"],
]);

export const langfuseSink = defineSink({
  type: "langfuse",
  summary: "Sends runs, tool calls and scores to Langfuse, over OTLP or to its ingestion route.",
  options,
  limits: { events: SPANS_MAX, bytes: OTLP_BYTES_MAX, requestsPerSecond: 15 },
  tune: ({ mode, requests_per_second }) => ({
    requestsPerSecond: requests_per_second,
    ...(mode === "ingestion" && { events: ITEMS_MAX, bytes: INGESTION_BYTES_MAX }),
  }),
  // A create and an update of one observation must not meet at the server, and a score comes after its run.
  order: "trace",
  inFlight: 4,
  docs,
  destination: (settings) => new URL(endpointOf(settings)).href,
  skips: (kindCode) => (UNMAPPED.has(kindCode) ? "unmapped" : undefined),
  open: async (settings, context) => openLangfuse(settings, context),
});

function openLangfuse(settings: Settings, context: SinkContext): Sink {
  const { public_key, secret_key, mode } = settings;
  const endpoint = endpointOf(settings);
  const api = apiAt(endpoint);
  const pair = Buffer.from(`${public_key}:${secret_key}`).toString("base64");
  const http = createHttpSend({
    url: endpoint,
    headers: {
      authorization: `Basic ${pair}`,
      "content-type": "application/json",
      accept: "application/json",
      "user-agent": "sluice",
    },
    secrets: [secret_key, pair],
    clock: context.clock,
    timeoutMs: settings.timeout_ms,
    answerBytesMax: ANSWER_BYTES_MAX,
  });
  const warn = (message: string) => context.warn(message);
  const send = mode === "otlp" ? createOtlp(http, api, settings) : createIngestion(http, api, settings, warn);
  return {
    send: async (batch, signal) => (batch.length === 0 ? delivered : send(batch, signal)),
    check: (signal) => check(http, api, mode, signal),
    close: () => http.close(),
  };
}
