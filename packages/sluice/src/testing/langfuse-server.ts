import { type Clock, sleep, systemClock } from "@sluice/sdk/internal";
import type { Answer } from "./answer.ts";
import type { Backend, BackendRequest } from "./backend.ts";
import { behindPort } from "./behind-port.ts";
import { BusyEntities, ingestBatch, type WriteMode } from "./langfuse/ingestion-route.ts";
import { exportTraces } from "./langfuse/otlp-route.ts";
import { scoreRule } from "./langfuse/score-rules.ts";
import {
  type LangfuseObservation,
  type LangfuseScore,
  LangfuseStore,
  type LangfuseTrace,
} from "./langfuse/store.ts";
import { createRate, type Rate } from "./rate.ts";

export type { LangfuseObservation, LangfuseScore, LangfuseTrace } from "./langfuse/store.ts";

export interface LangfuseServerOptions {
  /** 2, 3 or 4. Default: 4. */
  readonly version?: keyof typeof VERSIONS;
  /** What v4 still writes: its default takes nothing but scores on the ingestion route. */
  readonly writeMode?: WriteMode;
  /** Default: `LANGFUSE_TEST_KEYS`. */
  readonly publicKey?: string;
  readonly secretKey?: string;
  /** The cloud's, by organisation. Default: none, as on a server of one's own. */
  readonly rate?: Rate;
  /** The plan is used up: 403 for whatever would be stored. */
  readonly isSuspended?: boolean;
  /** The cloud says in each answer to more than scores that its ingestion route will end. */
  readonly isCloud?: boolean;
  /** How long it works on an ingestion request. Default: 0. */
  readonly processingMs?: number;
  readonly clock?: Clock;
}

/**
 * A stand-in for Langfuse's public API, as strict as the real servers (v2.95.12, v4.16.0) were seen to be: it
 * answers 207 whatever became of the items, refuses all but scores in `events_only`, drops what it does not
 * like in silence where they do, and takes an export over OTLP whole or not at all.
 */
export interface Langfuse {
  /** What it says to a request; fits `startBackend`. */
  answer(request: BackendRequest): Promise<Answer>;
  readonly traces: ReadonlyMap<string, LangfuseTrace>;
  /** One row each. */
  readonly observations: readonly LangfuseObservation[];
  readonly scores: ReadonlyMap<string, LangfuseScore>;
  /** What came as `sdk-log`. */
  readonly logs: readonly unknown[];
  /** The status with which an item fails; undefined lets it in. Holds until it is called again. */
  refuseItems(decide: (item: LangfuseItem) => number | undefined): void;
  /** Items that are stored, and named in neither list of the answer. Holds until it is called again. */
  forgetItems(decide: (item: LangfuseItem) => boolean): void;
}

/** One element of `batch`, as it came. */
export type LangfuseItem = Readonly<Record<string, unknown>>;

/** The stand-in behind a loopback port, with a script of faults like any backend. */
export interface LangfuseServer extends Backend, Omit<Langfuse, "answer"> {}

export const LANGFUSE_TEST_KEYS = {
  public_key: "pk-lf-00000000-0000-4000-8000-000000000001",
  secret_key: "sk-lf-5ec4e7a0-0000-4000-8000-000000000002",
} as const;

const VERSIONS = { 2: "2.95.12", 3: "3.112.0", 4: "4.16.0" } as const;
/** "4.5mb" of Next.js. */
const INGESTION_BYTES_MAX = 4.5 * 1024 * 1024;

export function createLangfuse(options: LangfuseServerOptions = {}): Langfuse {
  const clock = options.clock ?? systemClock;
  const version = options.version ?? 4;
  const store = new LangfuseStore();
  const { processingMs = 0 } = options;
  const busy = new BusyEntities(() =>
    processingMs > 0 ? sleep(clock, processingMs, new AbortController().signal) : Promise.resolve(),
  );
  const isOverRate = createRate(clock, options.rate);
  let refuse: (item: LangfuseItem) => number | undefined = () => undefined;
  let forget: (item: LangfuseItem) => boolean = () => false;

  async function ingest(request: BackendRequest, access: Access): Promise<Answer> {
    if (request.body.length > INGESTION_BYTES_MAX) return { status: 413, body: "Body exceeded 4.5mb limit" };
    // Its body parser does not look at the encoding (Langfuse v2: 400).
    if (request.json === undefined) return { status: 400, body: "Invalid JSON" };
    const { writeMode = "events_only", isCloud = false } = options;
    const rules = { version, writeMode, scoresOnly: access === "scores", refuse, forget, isCloud };
    return ingestBatch(request.json, store, rules, busy);
  }

  async function route(request: BackendRequest, access: Access): Promise<Answer> {
    if (options.isSuspended) return forbidden();
    switch (`${request.method} ${request.path}`) {
      case "POST /api/public/ingestion":
        return ingest(request, access);
      case "POST /api/public/otel/v1/traces":
        if (version === 2) return notFound();
        return access === "project" ? exportTraces(request, store) : forbidden();
      case "POST /api/public/scores":
        return writeScore(request.json, store);
      default:
        return notFound();
    }
  }

  return {
    traces: store.traces,
    get observations() {
      return store.observations;
    },
    scores: store.scores,
    logs: store.logs,
    refuseItems: (decide) => {
      refuse = decide;
    },
    forgetItems: (decide) => {
      forget = decide;
    },
    async answer(request) {
      if (request.method === "GET" && request.path === "/api/public/health") {
        return { body: { status: "OK", version: VERSIONS[version] } };
      }
      const access = accessOf(request, options);
      if (access === "none") return unauthorized();
      if (isOverRate()) return tooManyRequests(options.rate);
      return route(request, access);
    },
  };
}

export function startLangfuseServer(options: LangfuseServerOptions = {}): Promise<LangfuseServer> {
  return behindPort(createLangfuse(options), options.clock);
}

/** A public key alone, as browsers have it, is good for scores. */
type Access = "project" | "scores" | "none";

function accessOf({ headers }: BackendRequest, options: LangfuseServerOptions): Access {
  const publicKey = options.publicKey ?? LANGFUSE_TEST_KEYS.public_key;
  const secretKey = options.secretKey ?? LANGFUSE_TEST_KEYS.secret_key;
  const [scheme, value = ""] = (headers.authorization ?? "").split(" ");
  if (scheme === "Bearer" && value === publicKey) return "scores";
  const pair = Buffer.from(value, "base64").toString("utf8");
  return scheme === "Basic" && pair === `${publicKey}:${secretKey}` ? "project" : "none";
}

/** The API for one score: no 207, and an id that is there is written anew. */
function writeScore(json: unknown, store: LangfuseStore): Answer {
  const score = scoreRule(json);
  if ("refused" in score) return { status: 400, body: { message: score.refused } };
  const given = score.fields["id"];
  const id = typeof given === "string" ? given : `score-${store.scores.size + 1}`;
  store.writeScore(id, score.fields);
  return { body: { id } };
}

function unauthorized(): Answer {
  const message = "Invalid credentials. Confirm that you've configured the correct host.";
  return { status: 401, body: { error: "UnauthorizedError", message } };
}

function forbidden(): Answer {
  const message = "Ingestion suspended: Usage threshold exceeded. Please upgrade your plan.";
  return { status: 403, body: { error: "ForbiddenError", message } };
}

function notFound(): Answer {
  return { status: 404, body: "<!doctype html><title>404: This page could not be found</title>" };
}

function tooManyRequests(rate: LangfuseServerOptions["rate"]): Answer {
  const seconds = String(Math.ceil((rate?.windowMs ?? 0) / 1_000));
  return {
    status: 429,
    headers: {
      "retry-after": seconds,
      "x-ratelimit-limit": String(rate?.requests ?? 0),
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": seconds,
    },
    body: { message: "Rate limit exceeded" },
  };
}
