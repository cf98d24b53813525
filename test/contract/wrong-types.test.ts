import type { Event } from "@sluice/sdk";
import { systemClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import type { Sink, SinkDefinition } from "../../packages/sluice/src/sinks/define.ts";
import type { Delivery } from "../../packages/sluice/src/sinks/delivery.ts";
import { heliconeSink } from "../../packages/sluice/src/sinks/helicone/sink.ts";
import { langfuseSink } from "../../packages/sluice/src/sinks/langfuse/sink.ts";
import { lunarySink } from "../../packages/sluice/src/sinks/lunary/sink.ts";
import { otlpSink } from "../../packages/sluice/src/sinks/otlp/sink.ts";
import {
  HELICONE_TEST_KEY,
  LANGFUSE_TEST_KEYS,
  LUNARY_TEST_KEY,
  llmRun,
  outgoing,
  startHeliconeServer,
  startLangfuseServer,
  startLunaryServer,
  startOtlpServer,
} from "../../packages/sluice/src/testing/index.ts";

/**
 * The doors check the type of every field, so such events should not be. A spool of another version, or a
 * door with a bug, may have one all the same: then it is that event's loss, and nobody else's.
 */
const KINDS = [
  "run.ended",
  "run.started",
  "run.scored",
  "tool.called",
  "session.created",
  "init.failed",
  "own",
];
const ENVELOPE =
  "id time kind runId parentRunId traceId parentSpanId tags metadata session session.id session.connector scope scope.id scope.props tool tool.arguments data run";
const RUN =
  "type name provider operation startTime firstTokenTime status reason revision truncated request request.model request.params request.input response response.model response.id response.output response.finishReasons usage usage.input usage.raw cost cost.totalUsd error error.message error.type error.stack http http.status";
const PATHS = [...ENVELOPE.split(" "), ...RUN.split(" ").map((path) => `run.${path}`)];
/** It is 1,300 requests a sink, on whatever machine. */
const PATIENCE_MS = 60_000;
const VALUES = ["7", "{}", "[null]", "null"];

const WHOLE = {
  tags: ["a"],
  metadata: { a: 1 },
  session: { id: "s", connector: "c" },
  scope: { kind: "user", id: "u", props: { plan: "pro" } },
  tool: { id: "c", name: "t", arguments: "{}" },
  data: { name: "n", value: 1 },
  run: {
    ...llmRun().run,
    firstTokenTime: "2026-01-01T00:00:00.500Z",
    reason: "r",
    error: { message: "m", type: "t", stack: "s" },
    cost: { totalUsd: 1, prices: "table" },
    http: { status: 500 },
  },
};

/** An event in which something of another type stands at `path`. */
function wrong(kind: string, path: string, value: string): Event {
  const event = JSON.parse(JSON.stringify({ ...llmRun(), ...WHOLE, kind }));
  const names = path.split(".");
  const last = names.pop() ?? "";
  let place = event;
  for (const name of names) place = place[name];
  place[last] = JSON.parse(value);
  return event;
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function opened(definition: SinkDefinition, settings: Record<string, unknown>): Promise<Sink> {
  const context = { name: "x", clock: systemClock, disk: systemDisk, dataDir: "/", warn: () => undefined };
  const sink = await definition.open(definition.options.parse(settings), context);
  closers.push(() => sink.close());
  return sink;
}

const started = async <Server extends { url: string; close(): Promise<unknown> }>(
  starting: Promise<Server>,
) => {
  const server = await starting;
  closers.push(() => server.close());
  return { endpoint: server.url };
};

const SINKS: readonly (readonly [name: string, open: () => Promise<Sink>])[] = [
  [
    "lunary",
    async () => opened(lunarySink, { ...(await started(startLunaryServer())), api_key: LUNARY_TEST_KEY }),
  ],
  [
    "langfuse",
    async () => opened(langfuseSink, { ...(await started(startLangfuseServer())), ...LANGFUSE_TEST_KEYS }),
  ],
  [
    "langfuse in mode ingestion",
    async () =>
      opened(langfuseSink, {
        ...(await started(startLangfuseServer({ version: 3 }))),
        ...LANGFUSE_TEST_KEYS,
        mode: "ingestion",
      }),
  ],
  [
    "helicone",
    async () =>
      opened(heliconeSink, {
        ...(await started(startHeliconeServer())),
        api_key: HELICONE_TEST_KEY,
        spans: true,
      }),
  ],
  [
    "otlp",
    async () => opened(otlpSink, { ...(await started(startOtlpServer())), content: true, encoding: "json" }),
  ],
  [
    "otlp in OpenInference's names",
    async () =>
      opened(otlpSink, { ...(await started(startOtlpServer())), content: true, profile: "openinference" }),
  ],
];

test.each(SINKS)(
  "a field of a wrong type makes %s throw nothing, and costs no neighbour",
  async (_, open) => {
    const sink = await open();
    const harmed: string[] = [];

    for (const kind of KINDS) {
      for (const path of PATHS) {
        for (const value of VALUES) {
          const event = wrong(kind, path, value);
          const batch = [{ id: "x", raw: Buffer.from("{}"), event }, outgoing(llmRun())];
          const delivery = await sink.send(batch, new AbortController().signal).catch(String);
          if (!isSpared(delivery)) harmed.push(`${kind}, ${path} = ${value}: ${JSON.stringify(delivery)}`);
        }
      }
    }

    expect(harmed).toEqual([]);
  },
  PATIENCE_MS,
);

/** The second event was delivered, or the route is told to cut the batch. */
function isSpared(delivery: Delivery | string): boolean {
  if (typeof delivery === "string") return false;
  if (delivery.status === "mixed") return delivery.each[1]?.status === "delivered";
  return delivery.status === "delivered" || delivery.status === "rejected";
}
