import { type Answer, createLangfuse, LANGFUSE_TEST_KEYS, type Langfuse } from "../../testing/index.ts";
import { type ItemOutcome, REFUSAL } from "./items.ts";
import type { OpenMock } from "./services.ts";

/** What the real one says of an item that is wrong in itself. */
const REFUSED_STATUS = 400;
const HTTP_MULTI_STATUS = 207;

/** `v4` as it comes takes runs over OTLP only; `v4-dual` still writes its old tables. */
export function openLangfuseMock(variant: string): OpenMock {
  const langfuse = createLangfuse({
    version: variant === "v2" ? 2 : variant === "v3" ? 3 : 4,
    ...(variant === "v4-dual" && { writeMode: "dual" as const }),
  });
  let rowsBefore = 0;
  return {
    keys: LANGFUSE_TEST_KEYS,
    path: "",
    answer: (request) => langfuse.answer(request),
    itemsOf(request, answer) {
      if (request.path.endsWith("/scores")) return scoreIn(answer);
      const rows = newRows(langfuse, rowsBefore);
      rowsBefore = langfuse.observations.length;
      if (answer.status === HTTP_MULTI_STATUS) return itemsIn(answer);
      // Of an export over OTLP the answer says nothing: what is new in the database is what was stored.
      return rows;
    },
    refuseItems(isDue) {
      langfuse.refuseItems(() => (isDue() ? REFUSED_STATUS : undefined));
    },
  };
}

/** That route takes one score, and answers with its id. */
function scoreIn({ body }: Answer): readonly ItemOutcome[] {
  const id: unknown = Object(body).id;
  return typeof id === "string" ? [{ id, outcome: "stored" }] : [];
}

function newRows(langfuse: Langfuse, from: number): readonly ItemOutcome[] {
  return langfuse.observations.slice(from).map(({ id }) => ({ id, outcome: "stored" }));
}

interface Verdict {
  readonly id: string;
  readonly status: number;
  readonly message?: string;
  readonly error?: string;
}

function itemsIn({ body }: Answer): readonly ItemOutcome[] {
  const { successes, errors } = body as {
    readonly successes: readonly Verdict[];
    readonly errors: readonly Verdict[];
  };
  return [
    ...successes.map(({ id }): ItemOutcome => ({ id, outcome: "stored" })),
    ...errors.map(
      ({ id, status, message, error }): ItemOutcome => ({
        id,
        outcome: "refused",
        reason: `${status} ${error ?? message ?? REFUSAL}`,
      }),
    ),
  ];
}
