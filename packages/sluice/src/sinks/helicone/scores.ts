import type { Event, Json, JsonObject } from "@sluice/sdk";
import { numberOf, objectOf } from "@sluice/sdk/internal";

/** A request to Helicone's own interface about a record that it has. */
export interface ScoreRequest {
  /** Behind `/v1/request/{id}`. */
  readonly verb: "feedback" | "score";
  readonly body: JsonObject;
}

const THUMBS: Readonly<Record<string, boolean>> = { up: true, down: false };

/**
 * What somebody thought of a run. A thumb or a rating that is yes or no is feedback; numbers and booleans are
 * scores, by name. Scores are whole numbers there, so all of them are multiplied by one scale: only some
 * would make 1 less than 0.5. Text has no form. None: the event says nothing that Helicone can hold.
 */
export function scoreRequestsOf(event: Event, scale: number): readonly ScoreRequest[] {
  const data = objectOf(event.data) ?? { name: "score", value: event.data };
  const { name, value, ...rest } = data;
  const named: JsonObject =
    typeof name === "string" && value !== undefined ? { ...rest, [name]: value } : data;
  const rating = ratingOf(named);
  const scores = Object.entries(named).flatMap(([key, member]) => {
    const score = key === "rating" && rating !== undefined ? undefined : scoreOf(member, scale);
    return score === undefined ? [] : [[key, score] as const];
  });
  return [
    ...(rating === undefined ? [] : [{ verb: "feedback", body: { rating } } as const]),
    ...(scores.length === 0
      ? []
      : [{ verb: "score", body: { scores: Object.fromEntries(scores) } } as const]),
  ];
}

function ratingOf({ thumb, thumbs, rating }: JsonObject): boolean | undefined {
  if (typeof rating === "boolean") return rating;
  const word = thumb ?? thumbs;
  return typeof word === "string" ? THUMBS[word] : undefined;
}

function scoreOf(value: Json | undefined, scale: number): number | boolean | undefined {
  if (typeof value === "boolean") return value;
  const number = numberOf(value);
  if (number === undefined) return undefined;
  const scaled = Math.round(number * scale);
  return Number.isSafeInteger(scaled) ? scaled : undefined;
}
