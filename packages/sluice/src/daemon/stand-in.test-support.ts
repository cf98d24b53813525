import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { z } from "zod";
import { SluiceError } from "../errors.ts";
import { sendJson } from "../http/send.ts";
import { createHub } from "../live/hub.ts";
import type { Balance, Desk, Pipeline, PipelineOptions, Replays, RouteStatus } from "../pipeline.ts";
import { defineSink } from "../sinks/define.ts";
import type { Intake } from "../sources/intake.ts";
import { Received } from "../spool/received.ts";
import type { AppendOutcome, NewRecord } from "../spool/spool.ts";
import type { DaemonParts } from "./parts.ts";

/**
 * Stands in for the stages behind the daemon: takes what it is given, counts it as delivered, and can be told
 * to misbehave.
 */
export interface StandIn {
  readonly parts: DaemonParts;
  /** Waits of `drain`, so that a test decides when a sink is done. */
  drain: (graceMs: number) => Promise<void>;
  refusing: string | undefined;
  pending: number;
  lastError: string | undefined;
  options: PipelineOptions | undefined;
  /** What was closed, in order. */
  readonly closed: string[];
  /** What the proxy was called with. */
  readonly proxied: { provider: string; rest: string; headers: readonly string[] }[];
  onProxied: (response: ServerResponse) => void;
}

export function createStandIn(): StandIn {
  const standIn: StandIn = {
    parts: {
      definitions: DEFINITIONS,
      openPipeline: async (options) => openStandIn(standIn, options),
      createIngest:
        ({ intake }) =>
        async (request, response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of request) chunks.push(Buffer.from(chunk));
          const lines = Buffer.concat(chunks).toString("utf8").split("\n").filter(Boolean);
          const good = lines.filter((line) => line.startsWith("{"));
          await intake.append(good.map(recordOf));
          const items = lines.map((line, index) =>
            line.startsWith("{")
              ? { index, status: "accepted" }
              : { index, status: "rejected", detail: "Not JSON." },
          );
          if (good.length === lines.length) sendJson(response, 202, { accepted: good.length });
          else sendJson(response, good.length > 0 ? 207 : 400, { items });
        },
      openSpill: () => ({ close: async () => {} }),
      createProxy: () => {
        const door = (request: IncomingMessage, response: ServerResponse, provider: string, rest: string) => {
          standIn.proxied.push({ provider, rest, headers: [...request.rawHeaders] });
          standIn.onProxied(response);
        };
        return Object.assign(door, {
          close: async () => {
            standIn.closed.push("proxy");
          },
        });
      },
    },
    drain: async () => {},
    refusing: undefined,
    pending: 0,
    lastError: undefined,
    options: undefined,
    closed: [],
    proxied: [],
    onProxied: (response) => sendJson(response, 200, { proxied: true }),
  };
  return standIn;
}

function recordOf(line: string): NewRecord {
  const { id, kind, runId } = JSON.parse(line);
  const kindCode = kind === "run.ended" ? 2 : 0;
  return {
    id,
    kindCode,
    flags: 0,
    runId,
    received: new Received(Buffer.from(line)),
    body: Buffer.from(line),
  };
}

function openStandIn(standIn: StandIn, options: PipelineOptions): Pipeline {
  if (options.dataDir.endsWith("busy")) {
    throw new SluiceError("DATA_DIR_BUSY", { path: options.dataDir, owner: "pid 1" });
  }
  standIn.options = options;
  const hub = createHub(options.clock);
  let offset = 0;
  const route = (sink: string, type: string): RouteStatus => ({
    route: sink,
    sink,
    type,
    state: { name: "running" },
    health: { name: "healthy" },
    balance: balance(offset, standIn.pending),
    lag: standIn.pending,
    backlog: { bytes: 0, whenFull: "block" },
    inFlight: 0,
    ...(standIn.lastError === undefined ? {} : { lastError: standIn.lastError }),
  });
  const intake: Intake = {
    bootId: "boot-1",
    durability: "disk",
    async append(records) {
      if (standIn.refusing !== undefined)
        return records.map((): AppendOutcome => ({ status: "full", reason: "full" }));
      hub.publish(records);
      const runIds = records.flatMap(({ runId }) => runId ?? []).slice(0, 5);
      for (const { name } of options.sinks) {
        options.observer.onAttempt({ ...ATTEMPT, sink: name, events: records.length, runIds });
      }
      return records.map((): AppendOutcome => ({ status: "appended", offset: offset++ }));
    },
  };
  return {
    hub,
    intake,
    intakeFor: () => intake,
    status: () => ({
      bootId: "boot-1",
      spool: {
        path: join(options.dataDir, "spool"),
        partitions: 1,
        firstOffset: 0,
        nextOffset: offset,
        bytes: offset * 100,
        maxBytes: options.spool.maxBytes,
        damaged: 0,
        unsynced: 0,
        ...(standIn.refusing === undefined ? {} : { refusing: standIn.refusing }),
      },
      sinks: options.sinks.map(({ name, type }) => route(name, type)),
      assembler: route("assembler", "assembler"),
    }),
    replays: {} as Replays,
    letterDesk: () => ({}) as Desk,
    checkSink: async () => undefined,
    applyMetering: () => {},
    applySinks: async (sinks) => sinks.map(({ name }) => ({ sink: name, change: "changed" })),
    forgetSink: () => Promise.reject(new SluiceError("SINK_CONFIGURED", { name: "file" })),
    drain: (graceMs) => standIn.drain(graceMs),
    async close() {
      hub.close();
      standIn.closed.push("pipeline");
    },
  };
}

const ATTEMPT = {
  outcome: "delivered",
  attempt: 1,
  durationMs: 12.34,
  httpStatus: 200,
  promptTokens: 11,
  completionTokens: 7,
} as const;

function balance(accepted: number, pending: number): Balance {
  return {
    accepted: accepted + pending,
    pending,
    delivered: accepted,
    skipped: {},
    deadLettered: 0,
    dropped: {},
  };
}

const idle = async () => ({
  send: async () => ({ status: "delivered" }) as const,
  check: async () => undefined,
  close: async () => {},
});

const common = { limits: { events: 32, bytes: 1_000_000 }, order: "none", inFlight: 1, open: idle } as const;

const DEFINITIONS = [
  defineSink({
    ...common,
    type: "file",
    summary: "Writes lines.",
    options: z.object({ path: z.string() }),
    destination: ({ path }) => path,
  }),
  defineSink({
    ...common,
    type: "lunary",
    summary: "Sends to Lunary.",
    options: z.object({ api_key: z.string().min(1), endpoint: z.url().optional() }),
    destination: ({ endpoint }) => endpoint ?? "lunary",
  }),
];
