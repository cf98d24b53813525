import type { IncomingMessage, ServerResponse } from "node:http";
import { BODY_BYTES_MAX, type Clock, type Ids, ITEMS_PER_REQUEST_MAX } from "@sluice/sdk/internal";
import { createBodyReader } from "../../http/body.ts";
import { type Problem, sendProblem } from "../../http/problem.ts";
import type { Intake } from "../intake.ts";
import { retryAfter, sendOutcomes, sendRejection } from "./answer.ts";
import { FORM_NAMES, formNamed, type ItemForm, type ReadItem, readItem } from "./item.ts";
import { type ItemOutcome, outcomeOf, type Rejection } from "./outcome.ts";
import { type Form, type Item, splitBody } from "./split.ts";

/**
 * `POST /v1/events`, docs/spec/ingest-api.md: body → items (split) → records (item) → the durable append →
 * the answer. Nothing is answered before the append has resolved, so a 2xx means stored, as durably as it
 * says, and anything else but `storage_slow` means not stored; a client that heard nothing sends again, and
 * ids and CRCs make the second copy a duplicate.
 */
export interface IngestOptions {
  readonly intake: Intake;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits?: IngestLimits;
  /** What was refused was never accepted, and is counted here, by code, once for each item or body. */
  readonly onRefused?: (code: string) => void;
}

export interface IngestLimits {
  readonly bodyBytes: number;
  /** All bodies in memory at once, decompressed ones included. */
  readonly allBodiesBytes: number;
  readonly items: number;
}

export const INGEST_LIMITS: IngestLimits = {
  bodyBytes: BODY_BYTES_MAX,
  /**
   * Room for one body decompressed to the utmost, or for several that are not. A body is held until its
   * events are durable, so this is also what waits for the disk of it.
   */
  allBodiesBytes: 64 * 1024 * 1024,
  items: ITEMS_PER_REQUEST_MAX,
};

/**
 * After so many bytes of items other work gets its turn: 5 ms of parsing. The proxy runs in this process too.
 */
const BYTES_PER_TURN = 1024 * 1024;

/**
 * Resolves when the answer was handed over. Rejects only for a bug: what a client or a disk can do has an
 * answer.
 */
export function createIngest(
  options: IngestOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { intake, clock, ids, limits = INGEST_LIMITS, onRefused = () => {} } = options;
  const bodies = createBodyReader({ bytes: limits.bodyBytes, allBytes: limits.allBodiesBytes });

  const accept = async (
    bytes: Uint8Array,
    form: Form,
    itemForm: ItemForm | undefined,
  ): Promise<readonly ItemOutcome[] | Rejection> => {
    const items = splitBody(bytes, form, limits.items);
    if ("code" in items) return items;
    const now = new Date(clock.nowMs()).toISOString();
    const read = await readItems(items, (item) => item.fault ?? readItem(item.bytes, itemForm, ids, now));
    const good = read.filter((result) => "record" in result);
    // A request of which nothing is good need not wait for a disk.
    const appended = good.length === 0 ? [] : await intake.append(good.map(({ record }) => record));
    let next = 0;
    return read.map((result): ItemOutcome => {
      if (!("record" in result)) return { status: "rejected", why: result };
      const outcome = appended[next++] ?? {
        status: "failed",
        reason: "the spool gave no answer for this event",
      };
      return outcomeOf(outcome, result.record.id, result.isIdOurs);
    });
  };

  const refuse = (response: ServerResponse, problem: Problem, retryAfterS?: number) => {
    onRefused(problem.code);
    sendProblem(response, problem, {
      ...retryAfter(problem.status, retryAfterS),
      ...allowed(problem.status),
    });
  };

  return async (request, response) => {
    echoRequestId(request, response);
    const asked = readHead(request);
    if ("code" in asked) return refuse(response, asked);
    const body = await bodies.read(request);
    if (body.status === "gone") return;
    if (body.status === "refused") return refuse(response, body.problem, body.retryAfterS);
    try {
      const outcomes = await accept(body.bytes, asked.form, asked.itemForm);
      if ("code" in outcomes) {
        onRefused(outcomes.code);
        return sendRejection(response, outcomes);
      }
      for (const outcome of outcomes) if (outcome.status === "rejected") onRefused(outcome.why.code);
      sendOutcomes(response, outcomes, intake.durability);
    } finally {
      body.release();
    }
  };
}

async function readItems(
  items: readonly Item[],
  read: (item: Item) => ReadItem | Rejection,
): Promise<readonly (ReadItem | Rejection)[]> {
  const results: (ReadItem | Rejection)[] = [];
  let bytesThisTurn = 0;
  for (const item of items) {
    results.push(read(item));
    bytesThisTurn += item.bytes.length;
    if (bytesThisTurn < BYTES_PER_TURN) continue;
    await new Promise((resolve) => setImmediate(resolve));
    bytesThisTurn = 0;
  }
  return results;
}

/** What the head of the request asks for. */
function readHead(
  request: IncomingMessage,
): { readonly form: Form; readonly itemForm: ItemForm | undefined } | Problem {
  if (request.method !== "POST") return METHOD;
  const form = formOf(request.headers["content-type"]);
  if (form === undefined) return CONTENT_TYPE;
  const name = new URLSearchParams(request.url?.split("?")[1] ?? "").get("dialect") ?? undefined;
  const itemForm = name === undefined ? undefined : formNamed(name);
  if (name !== undefined && itemForm === undefined) return DIALECT;
  return { form, itemForm };
}

/**
 * A browser sends text/plain and forms to any site without asking; demanding JSON by name keeps such pages
 * out.
 */
function formOf(contentType: string | undefined): Form | undefined {
  const [mediaType, ...parameters] = (contentType ?? "").toLowerCase().split(";");
  const charset = parameters.find((parameter) => parameter.trim().startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset.trim())) return undefined;
  switch (mediaType?.trim()) {
    case "application/json":
      return "json";
    case "application/x-ndjson":
      return "ndjson";
    default:
      return undefined;
  }
}

/** Long enough for every tracing scheme, short enough for a log line. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

function echoRequestId(request: IncomingMessage, response: ServerResponse): void {
  const requestId = request.headers["x-request-id"];
  if (typeof requestId === "string" && REQUEST_ID.test(requestId)) {
    response.setHeader("x-request-id", requestId);
  }
}

function allowed(status: number): Readonly<Record<string, string>> {
  return status === 405 ? { allow: "POST" } : {};
}

const METHOD: Problem = { status: 405, code: "method_not_allowed", detail: "Send events with POST." };
const CONTENT_TYPE: Problem = {
  status: 415,
  code: "unsupported_content_type",
  detail: "The content-type must be application/json or application/x-ndjson, in UTF-8.",
};
const DIALECT: Problem = {
  status: 400,
  code: "unknown_dialect",
  field: "dialect",
  detail: `The dialect must be one of ${FORM_NAMES.join(", ")}, or be left out.`,
};
