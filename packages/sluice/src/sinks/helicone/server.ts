import type { Clock } from "@sluice/sdk/internal";
import type { Failure } from "../classify.ts";
import { type Delivery, delivered } from "../delivery.ts";
import { createHttpSend, type HttpSend } from "../http-send.ts";
import { createRecentRuns } from "../recent-runs.ts";
import { logFault, scoreFault } from "./answer.ts";
import type { HeliconeProvider } from "./provider.ts";
import type { HeliconeRecord } from "./record.ts";
import type { ScoreRequest } from "./scores.ts";

/** The worker's limit, on the length of the JSON in JavaScript: UTF-16 units, not bytes. */
const BODY_UNITS_MAX = 10 * 1024 * 1024;
const WORKER_ROUTE = /^\/(?:custom|oai|anthropic|googleapis)\/v1\/log\/?$/;
const TOO_LARGE = /payload too large/i;
/** What it says to a path that it does not have, where others say 404. */
const WRONG_PATH = /invalid path/i;
/** The wait of a score whose record is not there yet. It speaks against nobody. */
const ASK_AGAIN_MS = 3_000;
/** What no record is called: to be asked for, and not found. */
const NO_REQUEST = "00000000-0000-4000-8000-000000000000";

interface Connection {
  readonly endpoint: string;
  /** The interface for what records are told afterwards. */
  readonly api: string;
  readonly key: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

interface RoutedRecord {
  readonly route: HeliconeProvider["route"];
  readonly record: HeliconeRecord;
}

/** Helicone, as far as a sink needs it. Whatever it answers becomes a value. */
export interface HeliconeServer {
  log(routed: RoutedRecord, signal: AbortSignal): Promise<Delivery>;
  /** One after the other; all may be sent again, since they say what is and not what changes. */
  score(requestId: string, requests: readonly ScoreRequest[], signal: AbortSignal): Promise<Delivery>;
  check(signal: AbortSignal): Promise<string | undefined>;
  close(): Promise<void>;
}

export function connect(connection: Connection): HeliconeServer {
  const logs = openHttp(connection.endpoint, connection);
  const api = openHttp(connection.api, connection);
  const { pathname } = new URL(connection.endpoint);
  // A server of one's own has one path for all providers, and answers with nothing. One of the worker's
  // routes, as Helicone's own helpers are given, stands for the worker.
  const ownPath = pathname === "/" || WORKER_ROUTE.test(pathname) ? undefined : pathname;
  const base = new URL(connection.api).pathname.replace(/\/$/, "");
  const recent = createRecentRuns(connection.clock);

  return {
    async log({ route, record }, signal) {
      const body = JSON.stringify(record);
      if (body.length > BODY_UNITS_MAX) {
        return {
          status: "tooLarge",
          reason: `the record has ${body.length} characters, and 10 MB are taken`,
        };
      }
      const path = ownPath ?? `/${route}/v1/log`;
      const answer = await logs.post(body, signal, { path });
      if (answer.status !== "answered") return orByWords(answer);
      const reason = logFault(answer.body, ownPath === undefined ? "ok" : "", logs.redact);
      const { httpStatus } = answer;
      if (reason !== undefined) return { status: "retry", reason, httpStatus };
      recent.sent(record.providerRequest.meta["Helicone-Request-Id"] ?? "");
      return { ...delivered, httpStatus };
    },
    async score(id, requests, signal) {
      let httpStatus: number | undefined;
      for (const { verb, body } of requests) {
        const path = `${base}/v1/request/${id}/${verb}`;
        const answer = await api.post(JSON.stringify(body), signal, { path });
        if (answer.status !== "answered") return unknownOr(answer, recent.mayAppear(id));
        httpStatus = answer.httpStatus;
        const reason = scoreFault(answer.body, api.redact);
        if (reason !== undefined) return { status: "retry", reason, httpStatus };
      }
      return { ...delivered, ...(httpStatus !== undefined && { httpStatus }) };
    },
    async check(signal) {
      if (ownPath === undefined) {
        const fault = workerFault(await logs.post("{}", signal, { path: "/custom/v1/log" }), logs.redact);
        if (fault !== undefined) return fault;
      }
      // The worker looks at a record before it looks at the key, so the key is tried elsewhere.
      const asked = await api.get(`${base}/v1/request/${NO_REQUEST}`, signal);
      const isKnown = asked.status === "answered" || asked.httpStatus === 404;
      return isKnown ? undefined : `Helicone cannot be used: ${asked.reason}`;
    },
    async close() {
      await Promise.all([logs.close(), api.close()]);
    },
  };
}

function openHttp(url: string, { key, clock, timeoutMs }: Connection): HttpSend {
  return createHttpSend({
    url,
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      accept: "application/json, text/plain",
      "user-agent": "sluice",
    },
    secrets: [key],
    clock,
    timeoutMs,
  });
}

/** The worker says 400 also to what is no record's fault. */
function orByWords(failure: Failure): Failure {
  const { status, reason, httpStatus = 400 } = failure;
  if (status !== "rejected") return failure;
  if (TOO_LARGE.test(reason)) return { status: "tooLarge", reason, httpStatus };
  return WRONG_PATH.test(reason) ? { status: "blocked", reason, httpStatus } : failure;
}

/** A record is stored some time after it was taken: until then nobody knows it. */
function unknownOr(failure: Failure, mayAppear: boolean): Failure {
  if (failure.httpStatus !== 404) return failure;
  const { reason, httpStatus } = failure;
  if (mayAppear) return { status: "retry", reason, httpStatus, retryAfterMs: ASK_AGAIN_MS };
  return { status: "rejected", reason: `Helicone has no record of this run (yet): ${reason}`, httpStatus };
}

/** A record that is none is refused by the worker in words of its own. */
function workerFault(
  answer: Awaited<ReturnType<HttpSend["post"]>>,
  redact: (words: string) => string,
): string | undefined {
  if (answer.status === "answered") return `This is not Helicone: ${redact(answer.body).slice(0, 200)}`;
  if (answer.httpStatus === 400 && /providerRequest/.test(answer.reason)) return undefined;
  return `Helicone cannot be used: ${answer.reason}`;
}
