import type { Event } from "@sluice/sdk";
import { systemClock, systemDisk } from "@sluice/sdk/internal";
import type { Sink, SinkDefinition } from "../../packages/sluice/src/sinks/define.ts";
import { mapped } from "../../packages/sluice/src/sinks/lunary/mapping.ts";
import { lunarySink } from "../../packages/sluice/src/sinks/lunary/sink.ts";

/** A sink of the dispatch benchmark, and what an application would post that does the same by itself. */
export interface BenchSink {
  readonly definition: SinkDefinition;
  params(url: string): Readonly<Record<string, unknown>>;
  readonly path: string;
  /** What one event is in the body, and the body of some of them: the same that the sink sends. */
  item(event: Event): string;
  body(items: readonly string[]): string;
}

export const BENCH_SINKS: Readonly<Record<string, BenchSink>> = {
  lunary: {
    definition: lunarySink,
    params: (endpoint) => ({ api_key: "key", endpoint }),
    path: "/v1/runs/ingest",
    item(event) {
      const result = mapped(event);
      if ("skipped" in result) throw new Error(result.skipped);
      return result.events.map((each) => JSON.stringify(each)).join(",");
    },
    body: (items) => `{"events":[${items.join(",")}]}`,
  },
};

export function openBenchSink({ definition, params }: BenchSink, url: string): Promise<Sink> {
  return definition.open(definition.options.parse(params(url)), {
    name: "bench",
    clock: systemClock,
    disk: systemDisk,
    dataDir: "/",
    warn: (message) => console.error(message),
  });
}
