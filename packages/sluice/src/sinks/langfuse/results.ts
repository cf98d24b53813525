import { z } from "zod";
import type { ItemDelivery } from "../delivery.ts";
import { type Envelope, isNewerKind } from "./items.ts";

const answer = z.looseObject({
  successes: z.array(z.looseObject({ id: z.string(), status: z.number() })),
  errors: z.array(
    z.looseObject({
      id: z.string(),
      status: z.number(),
      message: z.string().nullish(),
      error: z.unknown(),
    }),
  ),
  /** The cloud's word that this route ends, in an answer where every item may be a success. */
  _deprecation: z.looseObject({ message: z.string() }).optional().catch(undefined),
});
type Refusal = z.output<typeof answer>["errors"][number];

/** What the server's 207 says of the items of a request. */
export type Results =
  | {
      readonly name: "read";
      readonly outcomes: ReadonlyMap<string, ItemDelivery>;
      readonly knowsKinds: boolean;
      /** What a person should hear of the route. */
      readonly warning?: string;
    }
  /** The server stores nothing that comes this way: a setting, and no fault of the items. */
  | { readonly name: "closed"; readonly reason: string }
  | { readonly name: "unreadable"; readonly reason: string };

/** Enough of an unknown answer to recognise a login page by. */
const SHOWN_LENGTH_MAX = 200;
const HTTP_SERVER_ERROR = 500;

const CLOSED =
  'The server is a Langfuse v4 in its "events_only" mode, which takes scores here and refuses the rest: this sink needs mode = "otlp" (or the server LANGFUSE_MIGRATION_V4_WRITE_MODE=dual).';

/**
 * Reads a 207: one outcome per envelope id. 201 is delivered; 400, 401 and 404 are for good; a 5xx is tried
 * again under the same id, and so is an item that stands in neither list.
 */
export function readResults(
  body: string,
  items: readonly Envelope[],
  redact: (words: string) => string,
): Results {
  const parsed = answer.safeParse(parseJson(body));
  if (!parsed.success) {
    const shown = redact(body).slice(0, SHOWN_LENGTH_MAX);
    return { name: "unreadable", reason: `the answer is not Langfuse's: ${shown}` };
  }
  const { successes, errors } = parsed.data;
  if (errors.some(isClosed)) return { name: "closed", reason: CLOSED };
  const stored = new Set(successes.map(({ id }) => id));
  const refused = new Map(errors.map((error) => [error.id, error]));
  const outcomes = new Map(
    items.map(({ id, type }) => [id, outcomeOf(type, stored.has(id), refused.get(id), redact)] as const),
  );
  const warning = parsed.data._deprecation?.message;
  return {
    name: "read",
    outcomes,
    knowsKinds: !items.some(({ id, type }) => isNewerKind(type) && isUnknownKind(refused.get(id))),
    ...(warning !== undefined && { warning: redact(warning) }),
  };
}

/** Langfuse v4's own words: "not accepted by /api/public/ingestion when … is events_only". */
function isClosed({ status, error }: Refusal): boolean {
  return status === 400 && /events_only|not accepted by \/api\/public\/ingestion/.test(wordsOf(error));
}

/** How zod 3 and 4 say that they know no such `type`: an older server meets a newer kind. */
function isUnknownKind(refusal: Refusal | undefined): boolean {
  return refusal?.status === 400 && /discriminator/i.test(wordsOf(refusal.error));
}

function outcomeOf(
  type: string,
  isStored: boolean,
  refusal: Refusal | undefined,
  redact: (words: string) => string,
): ItemDelivery {
  if (refusal) {
    const words = [refusal.message, wordsOf(refusal.error)].filter((each) => each).join(": ");
    const reason = `Langfuse refused the ${type}: ${refusal.status} ${redact(words)}`;
    return { status: isPassing(refusal.status) ? "retry" : "rejected", reason };
  }
  if (isStored) return { status: "delivered" };
  return { status: "retry", reason: `the answer names the ${type} in neither of its lists` };
}

function isPassing(status: number): boolean {
  return status >= HTTP_SERVER_ERROR || status === 429 || status === 408;
}

function wordsOf(error: unknown): string {
  return typeof error === "string" ? error : (JSON.stringify(error) ?? "");
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // HTML, an empty body, a cut one: it has no lists.
  }
}
