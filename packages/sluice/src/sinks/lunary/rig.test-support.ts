import type { Event, Run } from "@sluice/sdk";
import { type Clock, systemClock, systemDisk } from "@sluice/sdk/internal";
import { afterEach } from "vitest";
import { LUNARY_TEST_KEY, type LunaryServerOptions, startLunaryServer } from "../../testing/lunary-server.ts";
import { llmRun, outgoing } from "../../testing/outgoing.ts";
import { lunarySink } from "./sink.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

export const forever = new AbortController().signal;
export const START = "2026-01-01T00:00:00.000Z";
export const END = "2026-01-01T00:00:01.000Z";
export const RUN = "00000000-0000-4000-8000-000000000001";

export async function setUp(options: LunaryServerOptions = {}, changes: Record<string, unknown> = {}) {
  const server = await startLunaryServer(options);
  closers.push(() => server.close());
  const sink = await openSink(server.url, changes, options.clock);
  const send = (...events: readonly Event[]) => sink.send(events.map(outgoing), forever);
  return { server, sink, send };
}

export async function openSink(endpoint: string, changes: Record<string, unknown> = {}, clock?: Clock) {
  const settings = lunarySink.options.parse({ endpoint, api_key: LUNARY_TEST_KEY, ...changes });
  const context = {
    name: "lunary",
    clock: clock ?? systemClock,
    disk: systemDisk,
    dataDir: "/",
    warn: () => undefined,
  };
  const sink = await lunarySink.open(settings, context);
  closers.push(() => sink.close());
  return sink;
}

/** A complete run with this id and these differences from an ordinary LLM run. */
export function ended(runId: string, run: Partial<Run> = {}, event: Partial<Event> = {}): Event {
  const base = llmRun({ runId, time: END, ...event });
  return { ...base, run: { type: "llm", startTime: START, status: "ok", ...base.run, ...run } };
}

/** The start of such a run, as it is sent before anything is known of its end. */
export function started(runId: string, run: Partial<Run> = {}, event: Partial<Event> = {}): Event {
  const { run: whole, ...envelope } = ended(runId, run, { time: START, ...event });
  const { status: _, response: __, usage: ___, ...open } = whole ?? { type: "llm" };
  return { ...envelope, id: `start of ${runId}`, kind: "run.started", run: open };
}

export function scored(runId: string, data: Event["data"], time = END): Event {
  return { id: `score of ${runId}`, kind: "run.scored", time, runId, ...(data !== undefined && { data }) };
}
