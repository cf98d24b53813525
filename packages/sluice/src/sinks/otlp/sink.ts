import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { KIND_CODES } from "@sluice/sdk";
import { defineSink, type Outgoing, type Sink, type SinkContext } from "../define.ts";
import { type Delivery, type ItemDelivery, summary } from "../delivery.ts";
import { createHttpSend } from "../http-send.ts";
import { secretsIn } from "../own-headers.ts";
import { readAnswer, refusalOf, wordsIn } from "./answer.ts";
import { docs } from "./docs.ts";
import { encodeTraceJson } from "./encode-json.ts";
import { encodeTraceProto } from "./encode-proto.ts";
import { eventSpan } from "./event-span.ts";
import { type OtlpOptions, options, tracesUrl } from "./options.ts";
import { PROFILES } from "./profiles.ts";
import type { Span } from "./span.ts";
import { spanHome } from "./span-home.ts";
import { together } from "./together.ts";

/** What OpenTelemetry's own batch processor sends at most, and what every backend takes. */
const SPANS_MAX = 512;
/** Far below the 64 MiB at which a server must refuse, and below what proxies in front of it let through. */
const BODY_BYTES_MAX = 4_000_000;
/** A single event that cannot be halved: the protocol's own limit, before compression. */
const SPAN_BYTES_MAX = 64 * 1024 * 1024;

/** What the protocol lets a client read of an answer; a server may have a sentence for each span. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

/** What a span has beside what its event says: names that the event has not, ids, lengths. */
const AROUND_EVENT_BYTES = 1024;

/**
 * An export of nothing, in protobuf: one resource without spans. Some servers take a body without bytes,
 * which would say the same, for a broken request.
 */
const EMPTY_EXPORT = { protobuf: Uint8Array.of(0x0a, 0x00), json: '{"resourceSpans":[]}' } as const;

export const otlpSink = defineSink({
  type: "otlp",
  summary: "Sends runs as spans to any server of OpenTelemetry's protocol, over HTTP.",
  options,
  limits: { events: SPANS_MAX, bytes: BODY_BYTES_MAX },
  // Spans are whole, and their order means nothing.
  order: "none",
  inFlight: 4,
  docs,
  destination: ({ endpoint }) => tracesUrl(endpoint),
  skips: (kindCode) => (MAPPED_KINDS.has(kindCode) ? undefined : "unmapped"),
  open: async (settings, context) => openOtlp(settings, context),
});

const MAPPED_KINDS: ReadonlySet<number> = new Set([
  KIND_CODES["run.ended"],
  KIND_CODES["cache.hit"],
  KIND_CODES["init.failed"],
]);

const gzipped = promisify(gzip);

function openOtlp(settings: OtlpOptions, context: SinkContext): Sink {
  const { encoding } = settings;
  const contentType = encoding === "json" ? "application/json" : "application/x-protobuf";
  const http = createHttpSend({
    url: tracesUrl(settings.endpoint),
    headers: {
      ...settings.headers,
      "content-type": contentType,
      accept: contentType,
      ...(settings.gzip && { "content-encoding": "gzip" }),
      "user-agent": "sluice",
    },
    secrets: secretsIn(settings.headers),
    clock: context.clock,
    timeoutMs: settings.timeout_ms,
    answerBytesMax: ANSWER_BYTES_MAX,
    wordsIn,
  });
  const home = spanHome({ "service.name": "sluice", ...settings.resource });
  const profile = PROFILES[settings.profile]({ content: settings.content });
  const warn = createWarner(context);

  /** The events' spans, and the outcomes of those that have none. */
  function mapBatch(batch: readonly Outgoing[], outcomes: ItemDelivery[]): Span[] {
    const spans: Span[] = [];
    for (const [index, outgoing] of batch.entries()) {
      try {
        const mapped = eventSpan(outgoing.event, home, profile);
        if ("span" in mapped) spans.push(mapped.span);
        else outcomes[index] = { status: "skipped", reason: mapped.skipped };
      } catch {
        // One event that is not what its kind says must not cost its neighbours.
        outcomes[index] = { status: "rejected", reason: "the event cannot be read" };
      }
    }
    return spans;
  }

  function encoded(spans: readonly Span[], batch: readonly Outgoing[]): Uint8Array {
    if (encoding === "json") return Buffer.from(encodeTraceJson(spans));
    if (!settings.content) return encodeTraceProto(spans);
    const rawBytes = batch.reduce((sum, { raw }) => sum + raw.length, 0);
    return encodeTraceProto(spans, rawBytes + batch.length * AROUND_EVENT_BYTES);
  }

  async function post(body: Uint8Array | string, signal: AbortSignal): Promise<Delivery> {
    const answer = await http.post(settings.gzip ? await gzipped(body) : body, signal);
    if (answer.status !== "answered") return refusalOf(answer, encoding);
    const { delivery, warning } = readAnswer(answer, encoding, http.redact);
    if (warning !== undefined) warn(warning);
    return delivery;
  }

  return {
    async send(batch, signal) {
      const outcomes: ItemDelivery[] = new Array(batch.length).fill({ status: "delivered" });
      const spans = mapBatch(batch, outcomes);
      if (spans.length === 0) return summary(outcomes);
      let body: Uint8Array;
      try {
        body = encoded(spans, batch);
      } catch {
        // The route cuts the batch until the event that has something of a wrong type is alone.
        return { status: "rejected", reason: "the event cannot be encoded" };
      }
      if (body.length > (spans.length > 1 ? BODY_BYTES_MAX : SPAN_BYTES_MAX)) {
        return { status: "tooLarge", reason: `the request would have ${body.length} bytes` };
      }
      return together(await post(body, signal), outcomes);
    },
    async check(signal) {
      const delivery = await post(EMPTY_EXPORT[encoding], signal);
      return delivery.status === "delivered" ? undefined : `Spans cannot be sent: ${reasonOf(delivery)}`;
    },
    close: () => http.close(),
  };
}

/** A server that has a warning has it for every batch: it is said when it changes. */
function createWarner(context: SinkContext): (words: string) => void {
  let last: string | undefined;
  return (words) => {
    if (words === last) return;
    last = words;
    context.warn(`The server of ${context.name} took all spans, and says: ${words}`);
  };
}

function reasonOf(delivery: Delivery): string {
  return "reason" in delivery ? delivery.reason : delivery.status;
}
