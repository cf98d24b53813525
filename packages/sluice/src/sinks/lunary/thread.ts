import type { Event, Session } from "@sluice/sdk";
import { isoTime } from "../iso-time.ts";
import type { LunaryEvent } from "./mapping.ts";
import { labelsOf } from "./metadata.ts";
import { lunaryId } from "./uuid.ts";

/** The id of a session's thread: the session's own, as far as Lunary can hold it. */
export function threadIdOf(session: Session | undefined): string | undefined {
  const id = session?.id ?? session?.nativeId;
  return id === undefined ? undefined : lunaryId(id);
}

/** A session told by its own event. */
export function threadStart(event: Event, threadId: string): LunaryEvent {
  const { scope, session } = event;
  const { metadata, tags } = labelsOf(event, { type: "thread" });
  return {
    ...bareThread(threadId, isoTime(event.time, event.time)),
    ...(session?.connector !== undefined && { name: session.connector }),
    ...(tags && { tags }),
    ...(metadata && { metadata }),
    ...(scope?.kind === "user" && { userId: scope.id }),
    ...(scope?.kind === "user" && scope.props && { userProps: scope.props }),
  };
}

/** A thread of which only a run tells: the first of them makes it, the others find it. */
export function bareThread(threadId: string, timestamp: string): LunaryEvent {
  return { type: "thread", event: "start", runId: threadId, timestamp };
}
