import type { Random } from "@sluice/sdk/internal";
import { InvalidArgumentError } from "commander";
import { nearest } from "../../config/nearest.ts";
import type { Answer, Step } from "../../testing/index.ts";

/**
 * `WHAT[:WHEN]` of `--fault`. WHAT is a status, or the name of what goes wrong; WHEN says which requests:
 * `10%` of them by chance, `every-5` for each fifth, `first-3`, or all of them.
 */
export interface MockFault {
  /** As it was written. */
  readonly words: string;
  readonly step: Step;
  readonly when: When;
}

export type When =
  | { readonly name: "always" }
  | { readonly name: "chance"; readonly fraction: number }
  | { readonly name: "every"; readonly count: number }
  | { readonly name: "first"; readonly count: number };

/** What happens to the client, whose word for it this is. */
const TIMEOUT = "timeout";
/** Of each that has a name, what it does. Only loseAnswer lets the service do its work. */
const FAULTS: Readonly<Record<Named | typeof TIMEOUT, string>> = {
  loseAnswer: "everything is done, and the connection breaks before the answer",
  lie: "200 with an empty body, and nothing is done",
  html: "200 with the page of a login, and nothing is done",
  timeout: "never an answer",
  hang: "the same",
  hangAfterHeaders: "a status, and then nothing",
  continueForever: "100 Continue, and then nothing",
  reset: "the connection breaks before an answer",
  resetAfterStatus: "200 and a part of a body, and the connection breaks",
  endless: "200, and bytes for as long as anybody reads",
  hugeHeader: "200 with a header of 10 MB",
  continueFlood: "100 Continue, again and again",
  processingFlood: "102 Processing, again and again",
  garbage: "the banner of another protocol",
  tlsAlert: "what a port for TLS says to who speaks none",
};
type Named = Exclude<Extract<Step, string>, "pass">;
const NAMES = Object.keys(FAULTS) as readonly (keyof typeof FAULTS)[];

/** A word for each, and what it does, in the order in which people want to read them. */
export const FAULT_WORDS: readonly (readonly [word: string, meaning: string])[] = [
  ["503", "this status, or another one from 200 on, and nothing is done"],
  ...NAMES.map((name): readonly [string, string] => [name, FAULTS[name]]),
];

export function parseFault(words: string): MockFault {
  const [what = "", when, ...rest] = words.split(":");
  if (rest.length > 0) throw new InvalidArgumentError("Write it as WHAT or WHAT:WHEN.");
  return { words, step: stepOf(what), when: whenOf(when) };
}

/** What is to be done with the next request; undefined is the ordinary answer. The first that is due wins. */
export function createPlan(faults: readonly MockFault[], random: Random): () => MockFault | undefined {
  let requests = 0;
  return () => {
    requests++;
    return faults.find(({ when }) => isDue(when, requests, random));
  };
}

export function isDue(when: When, count: number, random: Random): boolean {
  switch (when.name) {
    case "always":
      return true;
    case "chance":
      return random.fraction() < when.fraction;
    case "every":
      return count % when.count === 0;
    case "first":
      return count <= when.count;
  }
}

function stepOf(what: string): Step {
  if (/^[1-5]\d\d$/.test(what)) return answerOf(Number(what));
  const found = NAMES.find((name) => name.toLowerCase() === what.toLowerCase());
  if (found) return found === TIMEOUT ? "hang" : found;
  const meant = nearest(what, NAMES);
  throw new InvalidArgumentError(
    `There is no fault "${what}".${meant ? ` Did you mean "${meant}"?` : ""} There are a status (503), and ${NAMES.join(", ")}.`,
  );
}

/** No more than a proxy in front of the service would say; the two that ask for patience say for how long. */
function answerOf(status: number): Answer {
  if (status < 200) throw new InvalidArgumentError("A status that ends a request is 200 or more.");
  const headers = status === 429 || status === 503 ? { "retry-after": "1" } : {};
  return { status, headers, body: { message: `sluice mock answers ${status} as it was told to` } };
}

/** `10%`, `every-5` or `first-3`; all where it is not said. */
export function whenOf(when: string | undefined): When {
  if (when === undefined) return { name: "always" };
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(when)?.[1];
  if (percent !== undefined && Number(percent) <= 100) {
    return { name: "chance", fraction: Number(percent) / 100 };
  }
  const [, word, digits] = /^(every|first)-([1-9]\d{0,8})$/.exec(when) ?? [];
  if (word === "every" || word === "first") return { name: word, count: Number(digits) };
  throw new InvalidArgumentError(
    `"${when}" says nothing about when. Write 10% (by chance), every-5 (each fifth) or first-3.`,
  );
}
