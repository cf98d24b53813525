import { type Answer, createLunary, LUNARY_TEST_KEY } from "../../testing/index.ts";
import { type ItemOutcome, REFUSAL } from "./items.ts";
import type { OpenMock } from "./services.ts";

/** What the real server has by default: MAX_REQUESTS_PER_MINUTE, and how long it waits for what is missing. */
const RATE = { requests: 150, windowMs: 60_000 };
const ORPHAN_DELAY_MS = 5_000;

export function openLunaryMock(): OpenMock {
  const lunary = createLunary({ rate: RATE, orphanDelayMs: ORPHAN_DELAY_MS });
  let lostBefore = 0;
  return {
    keys: { api_key: LUNARY_TEST_KEY },
    path: "/v1/runs/ingest",
    answer: (request) => lunary.answer(request),
    itemsOf(_request, answer) {
      const lost = new Set(lunary.lost.slice(lostBefore));
      lostBefore = lunary.lost.length;
      return resultsOf(answer).map((result) => outcomeOf(result, lost));
    },
    refuseItems(isDue) {
      lunary.refuseItems(() => (isDue() ? REFUSAL : undefined));
    },
  };
}

interface Result {
  readonly id: string;
  readonly success: boolean;
  readonly error?: string;
}

function resultsOf(answer: Answer): readonly Result[] {
  const results: unknown = Object(answer.body).results;
  return Array.isArray(results) ? results : [];
}

function outcomeOf({ id, success, error }: Result, lost: ReadonlySet<string>): ItemOutcome {
  if (!success) return { id, outcome: "refused", ...(error !== undefined && { reason: error }) };
  // The start and the end of a run share its id; only what comes without its start is lost.
  if (lost.has(id)) return { id, outcome: "lost", reason: "there is no start of this run" };
  return { id, outcome: "stored" };
}
