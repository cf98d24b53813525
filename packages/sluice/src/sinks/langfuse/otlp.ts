import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Failure } from "../classify.ts";
import { type Delivery, type ItemDelivery, summary } from "../delivery.ts";
import type { HttpSend } from "../http-send.ts";
import { encodeTraceProto } from "../otlp/encode-proto.ts";
import type { Span } from "../otlp/span.ts";
import { spanHome } from "../otlp/span-home.ts";
import type { Api } from "./api.ts";
import type { Send } from "./ingestion.ts";
import { langfuseProfile } from "./profile.ts";
import { createScoreSender, type ScoreEvent } from "./score-sender.ts";
import { langfuseSpan } from "./spans.ts";
import type { Deployment } from "./trace-facts.ts";

/** As Langfuse is known to take without trouble; it has no limit of its own, but proxies have. */
const BODY_BYTES_MAX = 4_000_000;
/** Level 3 costs a third of zlib's default, and saves nearly as much. */
const GZIP = { level: 3 };
/** Its direct way into the tables of v4; without it the cloud may take ten minutes. */
const HEADERS = {
  // What was said stands in it as it is; in JSON, its own JSON would be escaped once more.
  "content-type": "application/x-protobuf",
  "x-langfuse-ingestion-version": "4",
  // Our own name: under that of an SDK, Langfuse expects that SDK's spans.
  "x-langfuse-sdk-name": "sluice",
};
const HTTP_NOT_FOUND = 404;

const compressed = promisify(gzip);

interface OtlpSettings {
  readonly gzip: boolean;
}

/** Runs as spans, complete and once, over OTLP; then the scores of the same batch, which hang on them. */
export function createOtlp(http: HttpSend, api: Api, settings: Deployment & OtlpSettings): Send {
  const home = spanHome({ "service.name": "sluice" });
  const profile = langfuseProfile(settings, { content: true });
  const sendScores = createScoreSender(http, api, settings);
  const headers = settings.gzip ? { ...HEADERS, "content-encoding": "gzip" } : HEADERS;

  async function post(spans: readonly Span[], signal: AbortSignal): Promise<Delivery> {
    const plain = encodedOrNone(spans);
    if (!plain) return { status: "rejected", reason: "the event cannot be encoded" };
    if (spans.length > 1 && plain.length > BODY_BYTES_MAX) {
      return { status: "tooLarge", reason: `the request would have ${plain.length} bytes` };
    }
    const body = settings.gzip ? await compressed(plain, GZIP) : plain;
    const answer = await http.post(body, signal, { path: api.otelTraces, headers });
    if (answer.status !== "answered") return withAdvice(answer);
    const { httpStatus } = answer;
    if (isJob(answer.body)) return { status: "delivered", httpStatus };
    const reason = `the answer is not Langfuse's: ${http.redact(answer.body).slice(0, 200)}`;
    return { status: "retry", reason, httpStatus };
  }

  return async (batch, signal) => {
    const outcomes: ItemDelivery[] = new Array(batch.length).fill({ status: "delivered" });
    const spans: Span[] = [];
    const scores: ScoreEvent[] = [];
    for (const [index, outgoing] of batch.entries()) {
      try {
        const { event } = outgoing;
        if (event.kind === "run.scored") {
          scores.push({ index, event });
          continue;
        }
        const mapped = langfuseSpan(event, home, profile);
        if ("span" in mapped) spans.push(mapped.span);
        else outcomes[index] = { status: "skipped", reason: mapped.skipped };
      } catch {
        // One event that is not what its kind says must not cost its neighbours.
        outcomes[index] = { status: "rejected", reason: "the event cannot be read" };
      }
    }
    const delivery = spans.length > 0 ? await post(spans, signal) : undefined;
    if (delivery && delivery.status !== "delivered") return delivery;
    const failure = await sendScores(scores, outcomes, signal);
    // What has to be mended pauses the sink at once: the spans come again then, and are the same rows.
    if (failure && (!delivery || failure.status === "blocked")) return failure;
    if (failure) failScores(scores, outcomes, failure);
    const httpStatus = delivery?.httpStatus;
    return { ...summary(outcomes), ...(httpStatus !== undefined && { httpStatus }) };
  };
}

/**
 * Scores behind spans that are stored. The server's own time to wait goes along: without it, a score that is
 * slowed down again and again, while spans get through, would count as poison.
 */
function failScores(scores: readonly ScoreEvent[], outcomes: ItemDelivery[], failure: Failure): void {
  const { reason } = failure;
  const waitMs = failure.status === "retry" ? failure.retryAfterMs : undefined;
  const failed = scores.filter(({ index }) => outcomes[index]?.status === "delivered");
  const isRefused = failed.length === 1 && failure.status !== "retry";
  for (const { index } of failed) {
    outcomes[index] = isRefused
      ? { status: "rejected", reason }
      : { status: "retry", reason, ...(waitMs !== undefined && { retryAfterMs: waitMs }) };
  }
}

/** None where something in an event is of a wrong type: the route then cuts the batch until that is alone. */
function encodedOrNone(spans: readonly Span[]): Uint8Array | undefined {
  try {
    return encodeTraceProto(spans);
  } catch {
    return undefined; // What stands where a text should is of no use to anybody.
  }
}

/** The job of a queue, or nothing to do: any JSON object. It is accepted then, and stored a little later. */
function isJob(body: string): boolean {
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === "object" && json !== null;
  } catch {
    return false; // A page of a proxy, or nothing: whatever said so was not Langfuse.
  }
}

function withAdvice(failure: Failure): Failure {
  if (failure.httpStatus !== HTTP_NOT_FOUND) return failure;
  const reason = `${failure.reason} (a Langfuse before v3 has no OTLP: this sink needs mode = "ingestion" there)`;
  return { ...failure, reason };
}
