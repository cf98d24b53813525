import type { Answer, BackendRequest } from "../../testing/index.ts";
import type { ItemOutcome } from "./items.ts";

/** One request and its fate. */
export interface Exchange {
  readonly at: string;
  readonly request: BackendRequest;
  /** As it was written on the command line. */
  readonly fault?: string;
  /** What the service made of it; absent where the fault came first. */
  readonly answer?: Answer;
  readonly items: readonly ItemOutcome[];
}

/** Enough to know an answer by. */
const BODY_SHOWN_MAX = 200;

/** `--json`: one object a request. */
export function exchangeJson({ at, request, fault, answer, items }: Exchange): string {
  const { method, path, body } = request;
  const status = answer && (answer.status ?? 200);
  return JSON.stringify({ at, method, path, bytes: body.length, fault, status, items });
}

/** For people. Items that are stored are counted, the others are told. */
export function exchangeLine({ at, request, fault, answer, items }: Exchange): string {
  const words = [];
  if (fault !== undefined) words.push(`fault ${fault}`);
  if (answer) words.push(String(answer.status ?? 200));
  if (answer && (answer.status ?? 200) >= 400) words.push(shown(answer.body));
  const stored = items.filter(({ outcome }) => outcome === "stored").length;
  if (items.length > 0) words.push(`${stored} stored`);
  for (const { id, outcome, reason } of items) {
    if (outcome !== "stored") words.push(`${outcome} ${id}${reason === undefined ? "" : ` (${reason})`}`);
  }
  return `${at} ${request.method} ${request.path} ${words.join(", ")}`;
}

/** A line is a line, whatever a body has. */
function shown(body: unknown): string {
  const text = typeof body === "string" ? body : (JSON.stringify(body) ?? "no body");
  return text.slice(0, BODY_SHOWN_MAX).replaceAll(/\s+/g, " ");
}
