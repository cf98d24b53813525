import { type Clock, sleep, systemClock } from "@sluice/sdk/internal";
import type { Answer } from "./answer.ts";
import { type Backend, type BackendRequest, startBackend } from "./backend.ts";
import { camelCased, lunaryUuid, shallow } from "./lunary-rules.ts";

/** A run as Lunary's database has it. */
export interface LunaryRun {
  readonly id: string;
  readonly type: string;
  readonly status: "started" | "success" | "error";
  readonly name?: string;
  readonly parentRunId?: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
  readonly params?: unknown;
  readonly tags?: unknown;
  /** First-level scalars and lists of scalars: nothing else survives. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly userId?: string;
  readonly userProps?: unknown;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly promptCached?: number;
  /**
   * True where a count was missing or 0: then the server counts by itself, and its numbers need not be the
   * provider's.
   */
  readonly countedByServer?: boolean;
  readonly feedback?: unknown;
}

export interface LunaryServerOptions {
  /** Keys of known projects. Default: `LUNARY_TEST_KEY`. */
  readonly keys?: readonly string[];
  /**
   * How long it waits for a missing run or parent. The real one: 5,000. Default 0, so that tests need not
   * wait.
   */
  readonly orphanDelayMs?: number;
  /** The real one: 150 in 60 s. Default: no limit. */
  readonly rate?: { readonly requests: number; readonly windowMs: number };
  readonly clock?: Clock;
}

/**
 * A stand-in for Lunary's ingest API, as strict as the real server was seen to be: it changes keys to
 * camelCase, sorts by time, drops an end whose start is not stored yet and says `success: true`, unlinks a
 * child whose parent is not stored yet, refuses a second start, and answers a request without `events` with
 * 500. What it stored is in `runs`.
 */
export interface Lunary {
  /** What it says to a request; fits `startBackend`. */
  answer(request: BackendRequest): Promise<Answer>;
  /** By id as the database has it. */
  readonly runs: ReadonlyMap<string, LunaryRun>;
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

/** One element of `events`, keys in camelCase. */
export type LunaryItem = Readonly<Record<string, unknown>>;

export const LUNARY_TEST_KEY = "5d1f6b7e-3c2a-4b18-9f60-1c7e8a9b0d12";

const BODY_BYTES_MAX = 20 * 1024 * 1024;
const PATHS = new Set(["/v1/runs/ingest", "/api/report"]);

export function createLunary(options: LunaryServerOptions = {}): Lunary {
  const clock = options.clock ?? systemClock;
  const database = new Database(clock, options.orphanDelayMs ?? 0);
  const isOverRate = createRate(clock, options.rate);
  const keys = options.keys ?? [LUNARY_TEST_KEY];
  return {
    runs: database.runs,
    lost: database.lost,
    refuseItems: (decide) => database.refuseItems(decide),
    async answer(request) {
      if (isOverRate()) return tooManyRequests(options.rate?.windowMs ?? 0);
      if (request.method !== "POST" || !PATHS.has(request.path)) return { status: 404, body: "Not Found" };
      const refusal = unauthorized(request, keys);
      if (refusal) return refusal;
      if (request.body.length > BODY_BYTES_MAX) return { status: 413, body: "request entity too large" };
      if (request.json === undefined) return { status: 400, body: "Unexpected token in JSON" };
      const items = itemsOf(request.json);
      // Its handler throws a plain error here, though no retry will help.
      if (!items) return { status: 500, body: { message: "Missing events payload." } };
      return { body: { results: await database.ingest(items) } };
    },
  };
}

export async function startLunaryServer(options: LunaryServerOptions = {}): Promise<LunaryServer> {
  const { answer, ...lunary } = createLunary(options);
  const backend = await startBackend({ answer, clock: options.clock ?? systemClock });
  return {
    ...lunary,
    url: backend.url,
    endpoint: `${backend.url}/v1/runs/ingest`,
    requests: backend.requests,
    get connections() {
      return backend.connections;
    },
    script: backend.script,
    choose: backend.choose,
    received: backend.received,
    close: backend.close,
  };
}

class Database {
  readonly runs = new Map<string, LunaryRun>();
  readonly lost: string[] = [];
  readonly #clock: Clock;
  readonly #orphanDelayMs: number;
  #refuse: (item: LunaryItem) => string | undefined = () => undefined;

  constructor(clock: Clock, orphanDelayMs: number) {
    this.#clock = clock;
    this.#orphanDelayMs = orphanDelayMs;
  }

  refuseItems(decide: (item: LunaryItem) => string | undefined): void {
    this.#refuse = decide;
  }

  /** One by one, in the order of their times: results come in that order too, under the sender's own ids. */
  async ingest(items: readonly unknown[]): Promise<object[]> {
    const sorted = items
      .map((item) => camelCased(Array.isArray(item) ? item[0] : item) as LunaryItem)
      .sort((a, b) => timeOf(a) - timeOf(b));
    const results: object[] = [];
    for (const item of sorted) {
      const id = item.runId;
      try {
        const refusal = this.#refuse(item);
        if (refusal !== undefined) throw new Error(refusal);
        await this.#store(item);
        results.push({ id, success: true });
      } catch (error) {
        results.push({ id, success: false, error: error instanceof Error ? error.message : String(error) });
      }
    }
    return results;
  }

  async #store(item: LunaryItem): Promise<void> {
    const id = lunaryUuid(String(item.runId));
    switch (item.event) {
      case "start":
        return this.#start(id, item);
      case "end":
      case "error":
      case "feedback":
        return this.#update(id, item);
      default:
      // An unknown event name is accepted, and does nothing.
    }
  }

  async #start(id: string, item: LunaryItem): Promise<void> {
    const parentRunId = await this.#parentOf(item);
    if (this.runs.has(id)) throw new Error("Run with this ID already exists in the database.");
    const metadata = shallow(item.metadata);
    this.runs.set(id, {
      id,
      type: String(item.type),
      status: "started",
      startedAt: this.#isoTime(item),
      metadata,
      input: item.input,
      params: item.params ?? item.extra,
      tags: item.tags ?? metadata.tags,
      ...(parentRunId !== undefined && { parentRunId }),
      ...(item.name !== undefined && { name: String(item.name).replace(/^models\//, "") }),
      ...(item.userId !== undefined && { userId: String(item.userId), userProps: item.userProps }),
    });
  }

  async #update(id: string, item: LunaryItem): Promise<void> {
    const run = await this.#find(id);
    if (!run) {
      this.lost.push(id);
      return;
    }
    this.runs.set(id, { ...run, ...this.#changeOf(run, item) });
  }

  #changeOf(run: LunaryRun, item: LunaryItem): Partial<LunaryRun> {
    const endedAt = this.#isoTime(item);
    if (item.event === "error") return { status: "error", error: item.error, endedAt };
    if (item.event === "feedback") return { feedback: { ...Object(run.feedback), ...Object(item.feedback) } };
    const usage = Object(item.tokensUsage) as {
      prompt?: number;
      completion?: number;
      promptCached?: number;
    };
    const output = typeof item.output === "boolean" ? String(item.output) : item.output;
    return {
      status: "success",
      endedAt,
      output,
      ...(usage.prompt !== undefined && { promptTokens: usage.prompt }),
      ...(usage.completion !== undefined && { completionTokens: usage.completion }),
      ...(usage.promptCached !== undefined && { promptCached: usage.promptCached }),
      countedByServer: run.type === "llm" && !(usage.prompt && usage.completion),
    };
  }

  async #parentOf(item: LunaryItem): Promise<string | undefined> {
    const given = item.parentRunId;
    if (given === undefined || given === null) return undefined;
    const id = lunaryUuid(String(given));
    return (await this.#find(id)) ? id : undefined;
  }

  /** What is not there may be on its way: the server waits once, then goes on without it. */
  async #find(id: string): Promise<LunaryRun | undefined> {
    const waitMs = this.runs.has(id) ? 0 : this.#orphanDelayMs;
    if (waitMs > 0) await sleep(this.#clock, waitMs, new AbortController().signal);
    return this.runs.get(id);
  }

  #isoTime(item: LunaryItem): string {
    const timeMs = timeOf(item);
    return new Date(Number.isNaN(timeMs) ? this.#clock.nowMs() : timeMs).toISOString();
  }
}

function timeOf(item: LunaryItem): number {
  const timestamp = item.timestamp;
  return typeof timestamp === "number" ? timestamp : Date.parse(String(timestamp));
}

/** A fixed window, as its rate limiter has. */
function createRate(clock: Clock, rate: LunaryServerOptions["rate"]): () => boolean {
  let openedAtMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return () => {
    if (!rate) return false;
    const nowMs = clock.monotonicMs();
    if (nowMs - openedAtMs >= rate.windowMs) {
      openedAtMs = nowMs;
      count = 0;
    }
    count++;
    return count > rate.requests;
  };
}

function tooManyRequests(windowMs: number): Answer {
  const seconds = String(Math.ceil(windowMs / 1_000));
  return {
    status: 429,
    headers: { "retry-after": seconds, "rate-limit-remaining": "0" },
    body: "Sometimes You Just Have to Slow Down.",
  };
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
