import { consoleSink } from "./console.ts";
import type { SinkDefinition } from "./define.ts";
import { fileSink } from "./file/sink.ts";
import { heliconeSink } from "./helicone/sink.ts";
import { langfuseSink } from "./langfuse/sink.ts";
import { lunarySink } from "./lunary/sink.ts";
import { otlpSink } from "./otlp/sink.ts";
import { postgresSink } from "./postgres/sink.ts";
import { sqliteSink } from "./sqlite/sink.ts";
import { webhookSink } from "./webhook/sink.ts";

/** Every sink there is, by type, sorted. A new one is a file and a line here. */
export const sinks = [
  consoleSink,
  fileSink,
  heliconeSink,
  langfuseSink,
  lunarySink,
  otlpSink,
  postgresSink,
  sqliteSink,
  webhookSink,
] as const;

/** The definition of a sink type, or undefined for a type that nobody defined. */
export function sinkOfType(type: string): SinkDefinition | undefined {
  return sinks.find((definition) => definition.type === type);
}
