import type { HttpAnswer } from "../../system/http-client.ts";

/** What a daemon made of a request full of events, as docs/spec/ingest-api.md has it. */
export type Answer =
  /** Every event is stored. */
  | { readonly status: "stored" }
  | { readonly status: "each"; readonly items: readonly ItemAnswer[]; readonly retryAfterMs?: number }
  /** It will not take this request, because of what is in it. Alone, the good ones may still be taken. */
  | { readonly status: "refused"; readonly detail: string }
  /** Not now. */
  | { readonly status: "later"; readonly detail: string; readonly retryAfterMs?: number }
  /** Not before somebody has mended something: a token, an address. */
  | { readonly status: "blocked"; readonly detail: string };

export type ItemAnswer =
  | { readonly status: "stored" }
  | { readonly status: "later" }
  | { readonly status: "refused"; readonly detail: string };

/** Longer delays are somebody's mistake, and events would grow old. */
const RETRY_AFTER_MS_MAX = 60_000;

/** Never throws: an answer that no daemon gives is a daemon that is not there. */
export function readAnswer(answer: HttpAnswer, events: number): Answer {
  const body = parse(answer.body);
  const { status } = answer;
  if (status === 202 && storedIn(body) === events) return { status: "stored" };
  const items = itemsOf(body, events);
  const retryAfterMs = retryAfterOf(answer);
  const delay = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (items !== undefined) return { status: "each", items, ...delay };
  const detail = detailOf(body, status);
  switch (status) {
    case 400:
    case 409:
    case 413:
    case 422:
      return { status: "refused", detail };
    case 408:
    case 425:
    case 429:
      return { status: "later", detail, ...delay };
    default:
      // What says "stored" and not how many, or redirects, is not our daemon: ask it again, and say so.
      return status >= 500 ? { status: "later", detail, ...delay } : { status: "blocked", detail };
  }
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    // A proxy's page, or half an answer.
    return {};
  }
}

function storedIn(body: object): number {
  const count = (name: string): number => {
    const value: unknown = Reflect.get(body, name);
    return typeof value === "number" ? value : 0;
  };
  return count("accepted") + count("duplicates");
}

function itemsOf(body: object, events: number): readonly ItemAnswer[] | undefined {
  const items: unknown = Reflect.get(body, "items");
  if (!Array.isArray(items) || items.length !== events) return undefined;
  const answers = items.map(itemOf);
  return answers.every((answer) => answer !== undefined) ? answers : undefined;
}

function itemOf(item: unknown): ItemAnswer | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  switch (Reflect.get(item, "status")) {
    case "accepted":
    case "duplicate":
      return { status: "stored" };
    case "unavailable":
      return { status: "later" };
    case "rejected":
      return { status: "refused", detail: detailOf(item, 400) };
    default:
      return undefined;
  }
}

/** "conflict: Another event is stored under this id." */
function detailOf(body: object, status: number): string {
  const [code, detail] = ["code", "detail"].map((name): unknown => Reflect.get(body, name));
  if (typeof code !== "string") return `the answer was ${status}, and not a daemon's`;
  return typeof detail === "string" ? `${code}: ${detail}` : code;
}

/** The daemon writes seconds; a date from somebody in between is not worth a clock. */
function retryAfterOf({ headers }: HttpAnswer): number | undefined {
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1_000, RETRY_AFTER_MS_MAX) : undefined;
}
