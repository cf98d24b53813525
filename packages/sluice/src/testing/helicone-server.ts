import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "@sluice/sdk/internal";
import type { Answer } from "./answer.ts";
import { type Backend, type BackendRequest, startBackend } from "./backend.ts";
import {
  type HeliconeReading,
  members,
  momentMs,
  REQUEST_ID,
  readRecord,
  recordFault,
} from "./helicone-rules.ts";

/** A row as Helicone's database has it. */
export interface HeliconeRow extends HeliconeReading {
  readonly requestId: string;
  readonly provider: string;
  readonly url: string;
  readonly status: number;
  readonly startedAt: string;
  readonly delayMs: number;
  readonly timeToFirstTokenMs?: number;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly sessionPath?: string;
  readonly sessionName?: string;
  /** By name in lower case: they come as HTTP headers. */
  readonly properties: Readonly<Record<string, string>>;
  readonly request: unknown;
}

export interface HeliconeServerOptions {
  /** Known keys. Default: `HELICONE_TEST_KEY`. */
  readonly keys?: readonly string[];
  /** So long after it was taken a record is found where scores go. The real one: some seconds. Default 0. */
  readonly appearsAfterMs?: number;
  readonly clock?: Clock;
}

/**
 * A stand-in for Helicone, as strict as its sources are: the cloud's worker (`/oai/v1/log` and its kind), the
 * log route of a server of one's own, and the interface for feedback and scores. It replaces a request id
 * that it does not like by a random one, lets HTTP headers win over `meta`, throws at what is no header, says
 * 200 where its storage failed, and keeps the last of the records that share request id, model, user,
 * provider and start time.
 */
export interface Helicone {
  /** What it says to a request; fits `startBackend`. */
  answer(request: BackendRequest): Answer;
  /** One a key, the last of each. */
  readonly rows: readonly HeliconeRow[];
  /** By request id; there are several where a resend differed in its key. */
  rowsOf(requestId: string): readonly HeliconeRow[];
  readonly feedback: ReadonlyMap<string, boolean>;
  readonly scores: ReadonlyMap<string, Readonly<Record<string, number | boolean>>>;
  /** From now on records are answered with 200 and this error, and are not stored; undefined mends it. */
  failStorage(error: string | undefined): void;
}

/** The stand-in behind a loopback port, with a script of faults like any backend. */
export interface HeliconeServer extends Backend, Omit<Helicone, "answer"> {
  /** The log route of a server of one's own; `url` is the worker's base. */
  readonly ownEndpoint: string;
}

export const HELICONE_TEST_KEY = "sk-helicone-5d1f6b7-3c2a4b1-89f601c-7e8a9b0";

/** On the length of the JSON in JavaScript: UTF-16 units. */
const RECORD_UNITS_MAX = 10 * 1024 * 1024;
const ROUTES: Readonly<Record<string, string>> = {
  "/custom/v1/log": "CUSTOM",
  "/oai/v1/log": "OPENAI",
  "/anthropic/v1/log": "ANTHROPIC",
  "/googleapis/v1/log": "GOOGLE",
};
const OWN_PATHS = ["/v1/trace/custom/v1/log", "/v1/trace/custom/log"];
const ABOUT_A_REQUEST = /^\/v1\/request\/([^/]+)(?:\/(feedback|score))?$/;

export function createHelicone(options: HeliconeServerOptions = {}): Helicone {
  return new StandIn(options);
}

export async function startHeliconeServer(options: HeliconeServerOptions = {}): Promise<HeliconeServer> {
  const helicone = new StandIn(options);
  const answer = (request: BackendRequest) => helicone.answer(request);
  const backend = await startBackend({ answer, clock: options.clock ?? systemClock });
  return {
    url: backend.url,
    ownEndpoint: `${backend.url}${OWN_PATHS[0]}`,
    requests: backend.requests,
    get connections() {
      return backend.connections;
    },
    get rows() {
      return helicone.rows;
    },
    rowsOf: (requestId) => helicone.rowsOf(requestId),
    feedback: helicone.feedback,
    scores: helicone.scores,
    failStorage: (error) => helicone.failStorage(error),
    script: backend.script,
    choose: backend.choose,
    received: backend.received,
    close: backend.close,
  };
}

class StandIn implements Helicone {
  readonly feedback = new Map<string, boolean>();
  readonly scores = new Map<string, Readonly<Record<string, number | boolean>>>();
  readonly #rows = new Map<string, HeliconeRow>();
  readonly #appearsAtMs = new Map<string, number>();
  readonly #keys: readonly string[];
  readonly #appearsAfterMs: number;
  readonly #clock: Clock;
  #storageError: string | undefined;

  constructor(options: HeliconeServerOptions) {
    this.#keys = options.keys ?? [HELICONE_TEST_KEY];
    this.#appearsAfterMs = options.appearsAfterMs ?? 0;
    this.#clock = options.clock ?? systemClock;
  }

  get rows(): readonly HeliconeRow[] {
    return [...this.#rows.values()];
  }

  rowsOf(requestId: string): readonly HeliconeRow[] {
    return this.rows.filter((row) => row.requestId === requestId);
  }

  failStorage(error: string | undefined): void {
    this.#storageError = error;
  }

  answer(request: BackendRequest): Answer {
    const path = request.path.split("?")[0] ?? "";
    const provider = ROUTES[path];
    if (request.method === "POST" && provider !== undefined) return this.#worker(request, provider);
    if (request.method === "POST" && OWN_PATHS.includes(path)) return this.#ownServer(request);
    const [, id, verb] = ABOUT_A_REQUEST.exec(path) ?? [];
    if (id !== undefined) return this.#aboutRequest(request, id, verb);
    return path.startsWith("/v1/")
      ? { status: 404, body: "Not Found" }
      : { status: 400, body: "invalid path" };
  }

  /** In its order: size, whether there is a key, the record, its headers, and only then whose key it is. */
  #worker(request: BackendRequest, provider: string): Answer {
    if (request.json === undefined) return { status: 500, body: "Internal Server Error" };
    if (JSON.stringify(request.json).length > RECORD_UNITS_MAX) {
      return { status: 400, body: "Payload too large" };
    }
    if (keyOf(request) === undefined) return { status: 401, body: "Unauthorized" };
    const fault = recordFault(request.json);
    if (fault !== undefined) return { status: 400, body: { error: fault } };
    const headers = headersOf(request);
    // Nobody catches what `new Headers` throws.
    if (headers === undefined) return { status: 500, body: "Internal Server Error" };
    if (!this.#isKnown(request)) return { status: 401, body: { error: "Invalid API key" } };
    if (this.#storageError !== undefined) return { body: { error: this.#storageError } };
    const row = this.#store(request, headers, provider);
    return { headers: { "helicone-id": row.requestId }, body: "ok" };
  }

  /** Whatever it stumbles over is a 500, and its yes is empty. Timing is optional, the provider is told. */
  #ownServer(request: BackendRequest): Answer {
    if (!this.#isKnown(request)) return { status: 401, body: { error: "Invalid authentication" } };
    const { providerRequest, providerResponse, provider } = members(request.json);
    const headers = headersOf(request);
    if (!providerRequest || !providerResponse || headers === undefined || this.#storageError !== undefined) {
      return { status: 500 };
    }
    this.#store(request, headers, typeof provider === "string" ? provider : "OPENAI");
    return { status: 200 };
  }

  #store(request: BackendRequest, headers: Headers, provider: string): HeliconeRow {
    const { providerRequest, providerResponse, timing } = members(request.json);
    const { url, json } = members(providerRequest);
    const { startTime, endTime, timeToFirstToken } = members(timing);
    const nowMs = this.#clock.nowMs();
    const startMs = timing === undefined ? nowMs : momentMs(startTime);
    const given = headers.get("helicone-request-id") ?? "";
    const row: HeliconeRow = {
      ...readRecord(provider, json, providerResponse),
      ...named("userId", headers.get("helicone-user-id")),
      ...named("sessionId", headers.get("helicone-session-id")),
      ...named("sessionPath", headers.get("helicone-session-path")),
      ...named("sessionName", headers.get("helicone-session-name")),
      ...(typeof timeToFirstToken === "number" && { timeToFirstTokenMs: timeToFirstToken }),
      requestId: REQUEST_ID.test(given) ? given : randomUUID(),
      provider,
      url: String(url),
      status: Number(members(providerResponse).status),
      startedAt: new Date(startMs).toISOString(),
      delayMs: (timing === undefined ? nowMs : momentMs(endTime)) - startMs,
      properties: propertiesOf(headers),
      request: json,
    };
    const { requestId, model, userId, startedAt } = row;
    this.#rows.set(JSON.stringify([requestId, model, userId, provider, startedAt]), row);
    if (!this.#appearsAtMs.has(requestId)) {
      this.#appearsAtMs.set(requestId, this.#clock.monotonicMs() + this.#appearsAfterMs);
    }
    return row;
  }

  #aboutRequest(request: BackendRequest, id: string, verb: string | undefined): Answer {
    if (!this.#isKnown(request)) return { status: 401, body: { error: "Invalid authentication" } };
    const appearsAtMs = this.#appearsAtMs.get(id) ?? Number.POSITIVE_INFINITY;
    if (this.#clock.monotonicMs() < appearsAtMs) {
      return { status: 404, body: { data: null, error: "Request not found" } };
    }
    if (verb === undefined) return { body: { data: this.rowsOf(id)[0], error: null } };
    const { rating, scores } = members(request.json);
    if (verb === "feedback") {
      if (typeof rating !== "boolean") return { status: 400, body: { error: "rating should be a boolean" } };
      this.feedback.set(id, rating);
    } else {
      const values = Object.entries(members(scores));
      const whole = values.filter((entry): entry is [string, number | boolean] => isScore(entry[1]));
      if (values.length === 0 || whole.length < values.length) {
        return { status: 400, body: { error: "Scores should be integers or booleans" } };
      }
      this.scores.set(id, { ...this.scores.get(id), ...Object.fromEntries(whole) });
    }
    return { body: { data: null, error: null } };
  }

  #isKnown(request: BackendRequest): boolean {
    return this.#keys.includes(keyOf(request) ?? "");
  }
}

/** Its column holds whole numbers. */
function isScore(value: unknown): value is number | boolean {
  return typeof value === "boolean" || Number.isSafeInteger(value);
}

/** `Helicone-Auth` wins. */
function keyOf({ headers }: BackendRequest): string | undefined {
  const value = [headers["helicone-auth"] ?? headers.authorization].flat()[0];
  return value === undefined ? undefined : value.replace(/^Bearer /i, "");
}

/** What stands in `meta`, and over it what came as HTTP headers. Undefined where `meta` is none for HTTP. */
function headersOf(request: BackendRequest): Headers | undefined {
  const { meta } = members(members(request.json).providerRequest);
  try {
    const headers = new Headers(members(meta) as Record<string, string>);
    for (const [name, value] of Object.entries(request.headers)) {
      if (name.startsWith("helicone-") && value !== undefined) headers.set(name, String(value));
    }
    return headers;
  } catch {
    return undefined; // A line feed, or a character above U+00FF: the caller says 500.
  }
}

function propertiesOf(headers: Headers): Record<string, string> {
  const prefix = "helicone-property-";
  const found = [...headers].filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

function named<Name extends string>(name: Name, value: string | null): { readonly [Key in Name]?: string } {
  return (value === null ? {} : { [name]: value }) as { readonly [Key in Name]?: string };
}
