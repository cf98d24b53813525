import { z } from "zod";
import type { ItemDelivery } from "../delivery.ts";
import type { LunaryEvent, MappedRun } from "./mapping.ts";

const answer = z.looseObject({
  results: z.array(z.looseObject({ id: z.string(), success: z.boolean(), error: z.string().nullish() })),
});

type Result = z.output<typeof answer>["results"][number];

/**
 * Words of Lunary's server, and of PostgreSQL behind it, for what is wrong with the item itself. Whatever
 * else it says (a full disk, a database that starts) may pass, and has to: taken for good, an outage of its
 * database would bury every run. What never passes is a dead letter after the tries that any event has.
 */
const FOR_GOOD =
  /project .*does not exist|invalid|violates|too long|out of range|unsupported|malformed|null value/i;
/** Enough of an unknown answer to recognise a login page by. */
const SHOWN_LENGTH_MAX = 200;
const ALREADY_STORED = /already exists/i;

/**
 * Reads a 200 of Lunary: one outcome per run, in the order of `runs`, or a sentence that says why the answer
 * cannot be believed. Its results come sorted by time and repeat a run's id for its start and its end, so
 * they are matched by id and by their place within the id. A start that "already exists" is one that arrived
 * before.
 */
export function readResults(
  body: string,
  runs: readonly MappedRun[],
  redact: (words: string) => string,
): readonly ItemDelivery[] | string {
  const parsed = answer.safeParse(parseJson(body));
  if (!parsed.success) return `the answer is not Lunary's: ${redact(body).slice(0, SHOWN_LENGTH_MAX)}`;
  const left = Map.groupBy(parsed.data.results, (result) => result.id);
  const sorted = runs.flatMap((run) => run.events).toSorted(byTime);
  const results = new Map(sorted.map((event) => [event, left.get(event.runId)?.shift()]));
  return runs.map((run) => outcomeOf(run, results, redact));
}

/** Stable, as the server's sort is. ISO times of one form compare as text. */
function byTime(a: LunaryEvent, b: LunaryEvent): number {
  if (a.timestamp === b.timestamp) return 0;
  return a.timestamp < b.timestamp ? -1 : 1;
}

function outcomeOf(
  run: MappedRun,
  results: ReadonlyMap<LunaryEvent, Result | undefined>,
  redact: (words: string) => string,
): ItemDelivery {
  if (run.events.some((event) => results.get(event) === undefined)) {
    return { status: "retry", reason: "the answer has no result for this run" };
  }
  const refused = run.events.filter((event) => {
    const result = results.get(event);
    return !result?.success && !(event.event === "start" && isStored(result));
  });
  const first = refused[0];
  if (!first) return { status: "delivered" };
  const words = redact(results.get(first)?.error ?? "no reason given");
  const reason = `Lunary refused the ${first.event}: ${words}`;
  // One refusal for good outweighs any number of passing ones.
  const isForGood = refused.some((event) => FOR_GOOD.test(results.get(event)?.error ?? ""));
  return { status: isForGood ? "rejected" : "retry", reason };
}

function isStored(result: Result | undefined): boolean {
  return ALREADY_STORED.test(result?.error ?? "");
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // HTML, an empty body, a cut one: it has no results.
  }
}
