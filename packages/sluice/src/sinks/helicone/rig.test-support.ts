import type { Event, Run } from "@sluice/sdk";
import { type Clock, systemClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach } from "vitest";
import {
  HELICONE_TEST_KEY,
  type HeliconeServerOptions,
  startHeliconeServer,
} from "../../testing/helicone-server.ts";
import { llmRun, outgoing } from "../../testing/outgoing.ts";
import { heliconeSink } from "./sink.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

export const forever = new AbortController().signal;
export const START = "2026-01-01T00:00:00.000Z";
export const END = "2026-01-01T00:00:01.250Z";
export const RUN = "019aa4f2-0000-7000-8000-000000000001";

/** A stand-in, and a sink that sends to it. */
export async function setUp(changes: Record<string, unknown> = {}, options: HeliconeServerOptions = {}) {
  const server = await startHeliconeServer(options);
  closers.push(() => server.close());
  const sink = await openSink(server.url, changes, options.clock);
  const send = (event: Event) => sink.send([outgoing(event)], forever);
  return { server, sink, send };
}

export async function openSink(endpoint: string, changes: Record<string, unknown> = {}, clock?: Clock) {
  const settings = heliconeSink.options.parse({ endpoint, api_key: HELICONE_TEST_KEY, ...changes });
  const context = {
    name: "helicone",
    clock: clock ?? systemClock,
    disk: systemDisk,
    dataDir: "/",
    warn: () => undefined,
  };
  const sink = await heliconeSink.open(settings, context);
  closers.push(() => sink.close());
  return sink;
}

/** A complete run with these differences from an ordinary LLM run. */
export function ended(run: Partial<Run> = {}, event: Partial<Event> = {}): Event {
  const base = llmRun({ id: "e-1", runId: RUN, time: END, ...event });
  return { ...base, run: { type: "llm", startTime: START, status: "ok", ...base.run, ...run } };
}

export function scored(data: Event["data"]): Event {
  return { id: "s-1", kind: "run.scored", time: END, runId: RUN, ...(data !== undefined && { data }) };
}
