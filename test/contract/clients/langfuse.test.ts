import { expect, test } from "vitest";
import { langfuseSink } from "../../../packages/sluice/src/sinks/langfuse/sink.ts";
import {
  LANGFUSE_TEST_KEYS,
  type LangfuseServer,
  type LangfuseServerOptions,
  startLangfuseServer,
} from "../../../packages/sluice/src/testing/langfuse-server.ts";
import { sendWithSdk } from "./client-program.ts";
import { nameOfStart, sendConversation } from "./conversation.ts";
import { type Allowed, expectSameBut, type Stored } from "./differences.ts";

const SDK_KEYS = { PUBLIC_KEY: LANGFUSE_TEST_KEYS.public_key, SECRET_KEY: LANGFUSE_TEST_KEYS.secret_key };

const BOTH: readonly Allowed[] = [
  {
    field: "observations.*.costDetails",
    reason:
      "the SDK sends no cost, so the server computes it where it knows the model; sluice sends what it computed",
  },
  {
    field: "observations.*.metadata.error_type",
    reason: "Langfuse has no place of its own for it, and the SDK leaves it out",
  },
  {
    field: "observations.*.metadata.finish_reasons",
    reason: "Langfuse has no place of its own for them, and the SDK leaves them out",
  },
  {
    field: "observations.*.metadata.http_status",
    reason: "Langfuse has no place of its own for it, and the SDK leaves it out",
  },
  {
    field: "observations.*.metadata.provider",
    reason: "Langfuse has no place of its own for it, and the SDK leaves it out",
  },
  {
    field: "observations.ask.modelParameters.tools",
    reason: "the SDK's type takes scalars only; sluice writes what is none as its JSON",
  },
  {
    field: "observations.embed.modelParameters",
    reason: "the SDK sends an empty object where there are none",
  },
  {
    field: "observations.*.usageDetails.input",
    reason:
      "the SDK's input includes what was cached, which it sends besides and Langfuse counts again; our buckets are disjoint",
  },
  {
    field: "observations.*.usageDetails.output",
    reason:
      "the SDK's output includes what was reasoned, which it sends besides and Langfuse counts again; our buckets are disjoint",
  },
  {
    field: "observations.embed.usageDetails.total",
    reason: "the SDK sends the provider's sum; Langfuse makes one where there is none",
  },
  {
    field: "scores.*.metadata",
    reason: "the SDK's scores have what they are given; ours have the metadata of their event",
  },
  { field: "traces.*.release", reason: "sluice takes `release` in the metadata for the release" },
];

const INGESTION: readonly Allowed[] = [
  ...BOTH,
  {
    field: "observations.*.type",
    reason:
      "version 3 writes agents and tools as spans, embeddings as generations; sluice gives each its own type",
  },
];

const OTLP: readonly Allowed[] = [
  ...BOTH,
  { field: "observations.*.metadata.attempt", reason: "the SDK's attributes are text; ours keep numbers" },
  { field: "observations.*.metadata.beta", reason: "the SDK's attributes are text; ours keep booleans" },
  { field: "observations.*.release", reason: "sluice takes `release` in the metadata for the release" },
  {
    field: "observations.*.traceName",
    reason:
      "a run below another does not know what the trace is called; the root says it, and sluice keeps no state",
  },
  {
    field: "traces.*.metadata",
    reason: "the SDK's traces have what is propagated to every span; ours have the metadata of their root",
  },
];

test.each([
  { mode: "ingestion", project: "client-langfuse", options: { version: 3 }, table: INGESTION },
  { mode: "otlp", project: "client-langfuse-otel", options: { version: 4, writeMode: "dual" }, table: OTLP },
] as const)(
  "Langfuse has the same of a conversation from sluice in mode $mode as from $project, but for what is meant",
  async ({ mode, project, options, table }) => {
    const sdk = await stored(options, (url) => sendWithSdk(project, url, SDK_KEYS));
    const sluice = await stored(options, (endpoint) =>
      sendConversation(langfuseSink, { ...LANGFUSE_TEST_KEYS, endpoint, mode }),
    );

    expect(Object.keys(Object(sluice["observations"]))).toHaveLength(6);
    expectSameBut(sdk, sluice, table);
  },
);

/** What the server holds after it was sent there, by names that do not depend on anybody's ids. */
async function stored(options: LangfuseServerOptions, send: (url: string) => Promise<void>): Promise<Stored> {
  const server = await startLangfuseServer(options);
  try {
    await send(server.url);
    return named(server);
  } finally {
    await server.close();
  }
}

function named({ traces, observations, scores }: LangfuseServer): Stored {
  const names = new Map(observations.map(({ id, startTime }) => [id, nameOfStart(startTime)]));
  const traceIds = new Set(observations.map(({ traceId }) => traceId));
  expect(traceIds.size).toBe(1);
  const nameOf = (id: unknown) => (typeof id === "string" ? (names.get(id) ?? id) : id);
  const row = (fields: object) => {
    const { id, traceId, parentObservationId, observationId, ...rest } = Object(fields);
    return {
      ...rest,
      parentObservationId: nameOf(parentObservationId),
      observationId: nameOf(observationId),
    };
  };
  return {
    traces: Object.fromEntries([...traces.values()].map((trace) => [trace.name ?? "nameless", row(trace)])),
    observations: Object.fromEntries(observations.map((each) => [nameOfStart(each.startTime), row(each)])),
    scores: Object.fromEntries([...scores.values()].map((score) => [score.name, row(score)])),
  };
}
