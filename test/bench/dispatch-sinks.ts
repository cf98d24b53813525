import type { Event } from "@sluice/sdk";
import { systemClock, systemDisk } from "@sluice/sdk/internal";
import type { Sink, SinkDefinition } from "../../packages/sluice/src/sinks/define.ts";
import { itemsOf } from "../../packages/sluice/src/sinks/langfuse/items.ts";
import { langfuseProfile } from "../../packages/sluice/src/sinks/langfuse/profile.ts";
import { ITEMS_MAX } from "../../packages/sluice/src/sinks/langfuse/requests.ts";
import { langfuseSink } from "../../packages/sluice/src/sinks/langfuse/sink.ts";
import { langfuseSpan } from "../../packages/sluice/src/sinks/langfuse/spans.ts";
import { mapped } from "../../packages/sluice/src/sinks/lunary/mapping.ts";
import { lunarySink } from "../../packages/sluice/src/sinks/lunary/sink.ts";
import { encodeTraceProto } from "../../packages/sluice/src/sinks/otlp/encode-proto.ts";
import { eventSpan } from "../../packages/sluice/src/sinks/otlp/event-span.ts";
import { PROFILES } from "../../packages/sluice/src/sinks/otlp/profiles.ts";
import { otlpSink } from "../../packages/sluice/src/sinks/otlp/sink.ts";
import type { Span } from "../../packages/sluice/src/sinks/otlp/span.ts";
import { spanHome } from "../../packages/sluice/src/sinks/otlp/span-home.ts";

type Body = string | Uint8Array;

/** A sink of the dispatch benchmark, and what an application would post that does the same by itself. */
export interface BenchSink {
  readonly definition: SinkDefinition;
  params(url: string): Readonly<Record<string, unknown>>;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Events in one request of the sink, where its backend takes fewer than are sent at a time. */
  readonly batch?: number;
  /** The bodies that the sink sends, with nothing around them: what one event becomes, and then some. */
  item(event: Event): unknown;
  body(items: readonly unknown[]): Body;
}

const PROTOBUF = { "content-type": "application/x-protobuf" };
const HOME = spanHome({ "service.name": "sluice" });
const SEMCONV = PROFILES.semconv({ content: true });
const LANGFUSE = langfuseProfile({}, { content: true });

export const BENCH_SINKS: Readonly<Record<string, BenchSink>> = {
  lunary: {
    definition: lunarySink,
    params: (endpoint) => ({ api_key: "key", endpoint }),
    path: "/v1/runs/ingest",
    item(event) {
      const result = mapped(event, false);
      if ("skipped" in result) throw new Error(result.skipped);
      return result.events.map((each) => JSON.stringify(each)).join(",");
    },
    body: (items) => `{"events":[${items.join(",")}]}`,
  },
  otlp: {
    definition: otlpSink,
    params: (endpoint) => ({ endpoint, content: true }),
    path: "/v1/traces",
    headers: PROTOBUF,
    item: (event) => spanIn(eventSpan(event, HOME, SEMCONV)),
    body: (spans) => encodeTraceProto(spans as readonly Span[]),
  },
  langfuse: {
    definition: langfuseSink,
    params: (endpoint) => ({ public_key: "pk-lf-1", secret_key: "sk-lf-1", endpoint }),
    path: "/api/public/otel/v1/traces",
    headers: PROTOBUF,
    item: (event) => spanIn(langfuseSpan(event, HOME, LANGFUSE)),
    body: (spans) => encodeTraceProto(spans as readonly Span[]),
  },
  "langfuse ingestion": {
    definition: langfuseSink,
    params: (endpoint) => ({
      public_key: "pk-lf-1",
      secret_key: "sk-lf-1",
      endpoint,
      mode: "ingestion",
    }),
    path: "/api/public/ingestion",
    // A trace and its generation.
    batch: ITEMS_MAX / 2,
    item(event) {
      const result = itemsOf(event, {}, "own");
      if ("skipped" in result) throw new Error(result.skipped);
      return result.items.map((each) => JSON.stringify(each)).join(",");
    },
    body: (items) => `{"batch":[${items.join(",")}]}`,
  },
};

function spanIn(result: { readonly span: Span } | { readonly skipped: string }): Span {
  if ("skipped" in result) throw new Error(result.skipped);
  return result.span;
}

export function openBenchSink({ definition, params }: BenchSink, url: string): Promise<Sink> {
  return definition.open(definition.options.parse(params(url)), {
    name: "bench",
    clock: systemClock,
    disk: systemDisk,
    dataDir: "/",
    warn: (message) => console.error(message),
  });
}
