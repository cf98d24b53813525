import { type Clock, systemClock } from "@sluice/sdk/internal";
import type { Answer } from "./answer.ts";
import type { Backend, BackendRequest } from "./backend.ts";
import { behindPort } from "./behind-port.ts";
import { type LunaryItem, type LunaryLog, type LunaryRun, LunaryTables } from "./lunary-tables.ts";
import { createRate, type Rate } from "./rate.ts";

export interface LunaryServerOptions {
  /** Keys of known projects. Default: `LUNARY_TEST_KEY`. */
  readonly keys?: readonly string[];
  /**
   * How long it waits for a missing run or parent. The real one: 5,000. Default 0, so that tests need not
   * wait.
   */
  readonly orphanDelayMs?: number;
  /** The real one: 150 in 60 s. Default: no limit. */
  readonly rate?: Rate;
  readonly clock?: Clock;
}

/**
 * A stand-in for Lunary's ingest API, as strict as the real server was seen to be: it changes keys to
 * camelCase, sorts by time, drops an end whose start is not stored yet and says `success: true`, unlinks a
 * child whose parent is not stored yet, refuses a second start, and answers a request without `events` with
 * 500. Threads, chats and custom events are runs too. What it stored is in `runs` and `logs`.
 */
export interface Lunary {
  /** What it says to a request; fits `startBackend`. */
  answer(request: BackendRequest): Promise<Answer>;
  /** By id as the database has it. */
  readonly runs: ReadonlyMap<string, LunaryRun>;
  /** Lines of type `log`: a resend is a second one. */
  readonly logs: readonly LunaryLog[];
  /** Ids of ends, errors and feedback that were answered with success and stored nowhere. */
  readonly lost: readonly string[];
  /** The words with which an item is refused; undefined lets it in. Holds until it is called again. */
  refuseItems(decide: (item: LunaryItem) => string | undefined): void;
}

/** The stand-in behind a loopback port, with a script of faults like any backend. */
export interface LunaryServer extends Backend, Omit<Lunary, "answer"> {
  /** The whole ingest URL; `url` is the base. */
  readonly endpoint: string;
}

export const LUNARY_TEST_KEY = "5d1f6b7e-3c2a-4b18-9f60-1c7e8a9b0d12";

const BODY_BYTES_MAX = 20 * 1024 * 1024;
const PATHS = new Set(["/v1/runs/ingest", "/api/report"]);
const OTLP_PATH = "/v1/traces";
const FEEDBACK = /^\/v1\/runs\/([^/]+)\/feedback$/;

export function createLunary(options: LunaryServerOptions = {}): Lunary {
  const clock = options.clock ?? systemClock;
  const tables = new LunaryTables(clock, options.orphanDelayMs ?? 0);
  const isOverRate = createRate(clock, options.rate);
  const keys = options.keys ?? [LUNARY_TEST_KEY];
  return {
    runs: tables.runs,
    logs: tables.logs,
    lost: tables.lost,
    refuseItems: (decide) => tables.refuseItems(decide),
    async answer(request) {
      if (isOverRate()) return tooManyRequests(options.rate?.windowMs ?? 0);
      const asked = request.method === "GET" ? FEEDBACK.exec(request.path)?.[1] : undefined;
      const isOtlp = request.method === "POST" && request.path === OTLP_PATH;
      const isIngest = request.method === "POST" && PATHS.has(request.path);
      if (!isIngest && !isOtlp && asked === undefined) return { status: 404, body: "Not Found" };
      const refusal = unauthorized(request, keys);
      if (refusal) return refusal;
      if (asked !== undefined) return feedbackOf(tables.runs.get(asked));
      if (isOtlp) return otlpAnswer(request);
      if (request.body.length > BODY_BYTES_MAX) return { status: 413, body: "request entity too large" };
      if (request.json === undefined) return { status: 400, body: "Unexpected token in JSON" };
      const items = itemsOf(request.json);
      // Its handler throws a plain error here, though no retry will help.
      if (!items) return { status: 500, body: { message: "Missing events payload." } };
      return { body: { results: await tables.ingest(items) } };
    },
  };
}

export async function startLunaryServer(options: LunaryServerOptions = {}): Promise<LunaryServer> {
  const server = await behindPort(createLunary(options), options.clock);
  return Object.assign(server, { endpoint: `${server.url}/v1/runs/ingest` });
}

function tooManyRequests(windowMs: number): Answer {
  const seconds = String(Math.ceil(windowMs / 1_000));
  return {
    status: 429,
    headers: { "retry-after": seconds, "rate-limit-remaining": "0" },
    body: "Sometimes You Just Have to Slow Down.",
  };
}

function feedbackOf(run: LunaryRun | undefined): Answer {
  if (!run) return { status: 404, body: "Run not found" };
  return run.feedback === undefined ? { status: 204 } : { body: run.feedback };
}

/** Protobuf alone, without gzip, and an ordinary span of a chat is more than it can read. */
function otlpAnswer(request: BackendRequest): Answer {
  const isProtobuf = request.headers["content-type"] === "application/x-protobuf";
  return isProtobuf ? { status: 500, body: "Internal Server Error" } : { status: 415 };
}

function unauthorized(request: BackendRequest, keys: readonly string[]): Answer | undefined {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const key = bearer ?? request.headers["x-api-key"];
  if (key === undefined) return { status: 402, body: { message: "Incorrect project id format" } };
  if (keys.includes(String(key))) return undefined;
  const isUuid = /^[0-9a-f-]{36}$/i.test(String(key));
  return { status: 401, body: { message: isUuid ? "Invalid API key" : "Invalid access token" } };
}

function itemsOf(json: unknown): readonly unknown[] | undefined {
  const events: unknown = Object(json).events;
  if (!events) return undefined;
  return Array.isArray(events) ? events : [events];
}
