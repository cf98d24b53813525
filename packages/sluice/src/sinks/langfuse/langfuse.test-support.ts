import type { Event, Run } from "@sluice/sdk";
import { systemClock, systemDisk } from "@sluice/sdk/internal";
import {
  LANGFUSE_TEST_KEYS,
  type LangfuseServerOptions,
  startLangfuseServer,
} from "../../testing/langfuse-server.ts";
import { llmRun, outgoing } from "../../testing/outgoing.ts";
import { langfuseSink } from "./sink.ts";

export const START = "2026-01-01T00:00:00.000Z";
export const END = "2026-01-01T00:00:01.000Z";
export const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

const forever = new AbortController().signal;
const open: (() => Promise<unknown>)[] = [];

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

/** A strict server, and the sink that is set to it. */
export async function setUp(server: LangfuseServerOptions, changes: Record<string, unknown> = {}) {
  const langfuse = await startLangfuseServer(server);
  open.push(() => langfuse.close());
  const warnings: string[] = [];
  const settings = { endpoint: langfuse.url, ...LANGFUSE_TEST_KEYS, ...changes };
  const sink = await openSink(settings, warnings);
  const send = (...events: readonly Event[]) => sink.send(events.map(outgoing), forever);
  const check = () => sink.check(forever);
  const bodies = () => langfuse.requests.map(({ json }) => json);
  return { langfuse, sink, send, check, bodies, reopen: () => openSink(settings, warnings), warnings };
}

async function openSink(settings: Record<string, unknown>, warnings: string[]) {
  const sink = await langfuseSink.open(langfuseSink.options.parse(settings), {
    name: "langfuse",
    clock: systemClock,
    disk: systemDisk,
    dataDir: "/",
    warn: (message) => void warnings.push(message),
  });
  open.push(() => sink.close());
  return sink;
}

/** The complete end of a run in a trace of its own, with these differences from an ordinary LLM run. */
export function ended(runId: string, run: Partial<Run> = {}, event: Partial<Event> = {}): Event {
  const base = llmRun({ id: `${runId}-ended`, runId, traceId: TRACE, time: END, ...event });
  return { ...base, run: { type: "llm", startTime: START, status: "ok", ...base.run, ...run } };
}

/** What its start said. */
export function started(runId: string, run: Partial<Run> = {}, event: Partial<Event> = {}): Event {
  const { status: _, response: _response, usage: _usage, ...rest } = ended(runId, run).run ?? { type: "llm" };
  return {
    id: `${runId}-started`,
    kind: "run.started",
    time: START,
    runId,
    traceId: TRACE,
    run: rest,
    ...event,
  };
}

export function called(runId: string, event: Partial<Event> = {}): Event {
  const tool = { id: "call_1", name: "search", arguments: '{"q":"foxes"}' };
  return { id: `${runId}-tool`, kind: "tool.called", time: END, runId, traceId: TRACE, tool, ...event };
}

export function scored(runId: string, data: Event["data"], event: Partial<Event> = {}): Event {
  return {
    id: `${runId}-scored`,
    kind: "run.scored",
    time: END,
    runId,
    traceId: TRACE,
    data: data ?? null,
    ...event,
  };
}
