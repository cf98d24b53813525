import type { ServerResponse } from "node:http";
import { type Problem, sendProblem } from "../../http/problem.ts";
import type { Durability } from "../../spool/spool.ts";
import type { ItemOutcome, Rejection } from "./outcome.ts";

/** A full disk is seldom mended sooner; a client that asks more often only adds load. */
const RETRY_AFTER_S = 5;

/**
 * Answers for the whole request: all good 202, some 207, none a problem. Items are told one by one where
 * there is something to tell: an id that the sender did not give, a duplicate, a rejection.
 */
export function sendOutcomes(
  response: ServerResponse,
  outcomes: readonly ItemOutcome[],
  durability: Durability,
): void {
  const accepted = outcomes.filter(({ status }) => status === "accepted").length;
  const duplicates = outcomes.filter(({ status }) => status === "duplicate").length;
  const rejected = outcomes.length - accepted - duplicates;
  if (rejected === outcomes.length) {
    sendNothingAccepted(response, outcomes);
    return;
  }

  const isPlain = outcomes.every((outcome) => outcome.status === "accepted" && !outcome.isIdOurs);
  const body = JSON.stringify({
    accepted,
    ...(duplicates > 0 && { duplicates }),
    ...(rejected > 0 && { rejected }),
    durability,
    ...(!isPlain && { items: outcomes.map(toItem) }),
  });
  response.writeHead(rejected === 0 ? 202 : 207, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...(outcomes.some(isUnavailable) ? { "retry-after": String(RETRY_AFTER_S) } : {}),
  });
  response.end(body);
}

/** Answers for a body that could not be taken apart. */
export function sendRejection(response: ServerResponse, why: Rejection): void {
  sendProblem(response, problemOf(why), retryAfter(why.status, RETRY_AFTER_S));
}

export function retryAfter(status: number, seconds: number | undefined): Readonly<Record<string, string>> {
  return status === 503 && seconds !== undefined ? { "retry-after": String(seconds) } : {};
}

function sendNothingAccepted(response: ServerResponse, outcomes: readonly ItemOutcome[]): void {
  const reasons = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.why] : []));
  const status = statusOf(reasons);
  const index = Math.max(
    0,
    reasons.findIndex((why) => why.status === status),
  );
  const why = reasons[index] ?? NO_REASON;
  const items = outcomes.length > 1 ? { items: outcomes.map(toItem) } : {};
  const problem = { ...problemOf(why), status, index, ...items };
  sendProblem(response, problem, retryAfter(status, RETRY_AFTER_S));
}

/** A body always has an item, and so this is never sent; but a request must never go unanswered either. */
const NO_REASON: Rejection = { status: 400, code: "empty_body", detail: "The body has no event in it." };

/**
 * One status for many: to come again helps if it helps a single item; else what they have in common, else
 * 400.
 */
function statusOf(reasons: readonly Rejection[]): number {
  const statuses = new Set(reasons.map((why) => why.status));
  if (statuses.has(503)) return 503;
  const [only = 400] = statuses;
  return statuses.size === 1 ? only : 400;
}

function problemOf({ status, code, field, index, detail }: Rejection): Problem {
  return {
    status,
    code,
    detail,
    ...(field !== undefined && { field }),
    ...(index !== undefined && { index }),
  };
}

function isUnavailable(outcome: ItemOutcome): boolean {
  return outcome.status === "rejected" && outcome.why.status === 503;
}

function toItem(outcome: ItemOutcome, index: number): object {
  const { id } = outcome;
  switch (outcome.status) {
    case "accepted":
    case "duplicate":
      return { index, id, status: outcome.status };
    case "rejected": {
      const { code, field, detail } = outcome.why;
      return { index, id, status: isUnavailable(outcome) ? "unavailable" : "rejected", code, field, detail };
    }
  }
}
