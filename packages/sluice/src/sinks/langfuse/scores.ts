import type { Event, Json, JsonObject } from "@sluice/sdk";
import { deriveId, numberOf } from "@sluice/sdk/internal";
import { defined } from "./defined.ts";

/** The body of a score, for the scores API and for `score-create`. */
export interface Score {
  /** Ours, so that a second arrival changes the score that is there. */
  readonly id: string;
  readonly traceId: string;
  readonly observationId: string;
  readonly name: string;
  readonly value: number | string;
  readonly dataType: "NUMERIC" | "BOOLEAN" | "CATEGORICAL";
  readonly comment?: string;
  readonly metadata?: JsonObject;
  readonly environment?: string;
}

/** Where a score hangs, in the ids of the mode. */
export interface ScorePlace {
  readonly traceId: string;
  readonly observationId: string;
  readonly environment?: string | undefined;
}

/** A judgement without a name of its own. */
const UNNAMED = "score";
const COMMENT_KEYS = new Set(["comment", "explanation", "reason"]);

/**
 * The scores that a run.scored holds: `{name, value, comment?}`, a bare value, or a score for each member of
 * an object, as feedback has it (`{thumb: "up", comment: "…"}`). Empty for what is no judgement.
 */
export function scoresOf(event: Event, place: ScorePlace): readonly Score[] {
  return judgementsOf(event.data).flatMap(({ name, value }) => {
    const typed = typedOf(value);
    if (!typed) return [];
    const score = {
      id: deriveId(event.id, `langfuse:score:${name}`),
      name,
      ...typed,
      ...place,
      comment: commentOf(event.data),
      metadata: event.metadata,
    };
    return [defined(score)];
  });
}

interface Judgement {
  readonly name: string;
  readonly value: Json | undefined;
}

function judgementsOf(data: Json | undefined): readonly Judgement[] {
  const members = membersOf(data);
  if (!members) return [{ name: UNNAMED, value: data }];
  const { name, value } = members;
  if (value !== undefined) return [{ name: typeof name === "string" && name !== "" ? name : UNNAMED, value }];
  const judged = Object.entries(members).filter(([key]) => key !== "" && !COMMENT_KEYS.has(key));
  if (judged.length > 0) return judged.map(([key, inner]) => ({ name: key, value: inner }));
  // Words alone are a judgement too.
  return [{ name: "comment", value: commentOf(data) }];
}

/** Langfuse's booleans are 0 and 1: it refuses `true`. */
function typedOf(value: Json | undefined): Pick<Score, "value" | "dataType"> | undefined {
  if (typeof value === "boolean") return { value: value ? 1 : 0, dataType: "BOOLEAN" };
  if (typeof value === "string") return { value, dataType: "CATEGORICAL" };
  const number = numberOf(value);
  return number !== undefined && Number.isFinite(number) ? { value: number, dataType: "NUMERIC" } : undefined;
}

function commentOf(data: Json | undefined): string | undefined {
  for (const key of COMMENT_KEYS) {
    const comment = membersOf(data)?.[key];
    if (typeof comment === "string" && comment !== "") return comment;
  }
  return undefined;
}

function membersOf(data: Json | undefined): JsonObject | undefined {
  const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
  return isObject && numberOf(data) === undefined ? (data as JsonObject) : undefined;
}
