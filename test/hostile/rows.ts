import type { Answer } from "../../packages/sluice/src/testing/answer.ts";
import type { BackendRequest, Step } from "../../packages/sluice/src/testing/backend.ts";
import { plainBody, type Store } from "./stores.ts";

/** A way in which a backend misbehaves, and what the application does meanwhile. */
export interface Row {
  readonly name: string;
  /** As the page says it. */
  readonly title: string;
  readonly events: number;
  /** Events at once; then the application rests for `pauseMs`. */
  readonly burst: number;
  readonly pauseMs: number;
  /** What becomes of the first requests. `answer` is what a healthy backend says. */
  readonly first?: (answer: Store["answer"]) => readonly Step[];
  /** What stands in front of the backend, at every request; undefined lets it in. */
  readonly always?: (request: BackendRequest) => Answer | undefined;
  /** Items that the backend refuses for good inside an answer of success, by their number. */
  readonly refuses?: (index: number) => boolean;
  /** Every connection is torn down for so long. */
  readonly downMs?: number;
  /** It does not mend: there is nothing to wait for. */
  readonly isForGood?: true;
}

/** What a healthy application of medium size does: 200 events, 20 at a time. */
const CALM = { events: 200, burst: 20, pauseMs: 5 } as const;
/** One event fits, twenty do not. */
const SMALL_BODY_BYTES = 8 * 1024;
/** Longer than the time-out of most clients, shorter than ours. */
const SLOW_MS = 12_000;

const serverError: Answer = { status: 500, body: { message: "Internal Server Error" } };
const unauthorized: Answer = { status: 401, body: { message: "Invalid API key" } };
const tooMany: Answer = {
  status: 429,
  headers: { "retry-after": "1" },
  body: { message: "Too Many Requests" },
};
const tooLarge: Answer = { status: 413, body: { message: "Payload Too Large" } };

export const ROWS: readonly Row[] = [
  { ...CALM, name: "well", title: "well" },
  { ...CALM, name: "500-2", title: "500 to the first 2 requests", first: () => times(2, serverError) },
  { ...CALM, name: "500-8", title: "500 to the first 8 requests", first: () => times(8, serverError) },
  { ...CALM, name: "429", title: "429, Retry-After 1, to the first 2", first: () => times(2, tooMany) },
  { ...CALM, name: "401", title: "401 to the first 2 requests", first: () => times(2, unauthorized) },
  { ...CALM, name: "401-ever", title: "401 to all", always: () => unauthorized, isForGood: true },
  {
    ...CALM,
    name: "413",
    title: "413 to bodies over 8 KiB",
    always: (request) => (plainBody(request).length > SMALL_BODY_BYTES ? tooLarge : undefined),
  },
  {
    ...CALM,
    name: "refused",
    title: "every other item refused inside a 2xx",
    refuses: (index) => index % 2 === 1,
  },
  {
    ...CALM,
    name: "reset",
    title: "200, and a reset in the body, nothing stored: the first 2",
    first: () => times(2, "resetAfterStatus"),
  },
  {
    ...CALM,
    name: "unanswered",
    title: "stored, and a reset before the answer: the first 2",
    first: () => times(2, "loseAnswer"),
  },
  {
    ...CALM,
    name: "lie",
    title: "200 with an empty body, nothing stored: the first 2",
    first: () => times(2, "lie"),
  },
  {
    ...CALM,
    name: "slow",
    title: "stored at once, answered after 12 s: the first 2",
    first: (answer) => times(2, async (request) => ({ ...(await answer(request)), delayMs: SLOW_MS })),
  },
  // The application lives on: its last events come when the backend is back.
  { ...CALM, pauseMs: 1_300, name: "down", title: "down for 10 s, events for 13 s", downMs: 10_000 },
  {
    name: "burst",
    title: "well, and 10,000 events at once",
    events: 10_000,
    burst: 10_000,
    pauseMs: 0,
  },
];

function times(count: number, step: Step): readonly Step[] {
  return new Array<Step>(count).fill(step);
}
