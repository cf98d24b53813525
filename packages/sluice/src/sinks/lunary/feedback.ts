import type { Event, JsonObject } from "@sluice/sdk";
import { objectOf } from "@sluice/sdk/internal";
import { isoTime } from "../iso-time.ts";
import type { LunaryEvent } from "./mapping.ts";
import { lunaryId } from "./uuid.ts";

/**
 * A score as Lunary's feedback, which is one object a run that each further one is merged into, member by
 * member. So a score with a name is a member of that name: two of them would else overwrite each other.
 */
export function feedbackEvent(event: Event, runId: string): LunaryEvent {
  return {
    event: "feedback",
    runId: lunaryId(runId),
    timestamp: isoTime(event.time, event.time),
    feedback: feedbackOf(event.data),
  };
}

function feedbackOf(data: Event["data"]): JsonObject {
  const said = objectOf(data);
  if (!said) return data === undefined ? {} : { score: data };
  const { name, value, ...rest } = said;
  return typeof name === "string" && value !== undefined ? { ...rest, [name]: value } : said;
}
