import type { Event, Run, RunStatus } from "@sluice/sdk";
import { deriveId } from "@sluice/sdk/internal";

/**
 * The complete end of a run, made of its start and the piece that ended it. What the piece says wins, field
 * by field; what only the start knows (scope, tags, metadata, session, trace, request) is carried over.
 * Without a start, which was never sent, the run began when it ended, is incomplete, and says so.
 */
export function joinRun(start: Event | undefined, piece: Event): Event {
  if (!start) return complete(piece, undefined, { status: "incomplete", reason: "no_start" });
  const status: RunStatus = piece.run?.status ?? (piece.run?.error ? "error" : "ok");
  return complete(start, piece, { status });
}

/**
 * The end of a run that nobody ended: `crash`, `timeout`, `evicted`. Never before its start, wherever the
 * clock stands by now.
 */
export function closeRun(start: Event, reason: string, nowMs: number): Event {
  const closed = complete(start, undefined, { status: "incomplete", reason });
  const startMs = Date.parse(start.run?.startTime ?? start.time);
  return { ...closed, time: new Date(Math.max(nowMs, startMs || 0)).toISOString() };
}

/** An end that came after the assembler had closed its run: the same run once more, as revision 2. */
export function reviseRun(closing: Event, end: Event): Event {
  const runId = runIdOf(closing);
  const status: RunStatus = end.run?.status ?? (end.run?.error ? "error" : "ok");
  const revised = complete({ ...closing, run: openAgain(runOf(closing)) }, end, { status });
  const pieces = [...(closing.run?.pieces ?? []), ...(end.run?.pieces ?? [end.id])];
  return {
    ...revised,
    id: deriveId(runId, "ended:2"),
    run: { ...runOf(revised), pieces: [...new Set(pieces)], revision: 2 },
  };
}

/** What was concluded, counted and priced without the end holds no longer. */
function openAgain({ reason: _reason, usage, cost, ...run }: Run): Run {
  return {
    ...run,
    ...(usage?.source === "provider" && { usage }),
    ...(cost?.prices === "sender" && { cost }),
  };
}

function complete(
  start: Event,
  piece: Event | undefined,
  end: { status: RunStatus; reason?: string },
): Event {
  const { writer: _, ...known } = runOf(start);
  // Where a piece came from says nothing of the whole.
  const { origin: _start, ...envelope } = start;
  const { origin: _piece, ...saidOfIt } = piece ?? {};
  const said = piece?.run;
  const metadata = merged(start.metadata, piece?.metadata);
  const tags = [...new Set([...(start.tags ?? []), ...(piece?.tags ?? [])])];
  const request = merged(known.request, said?.request);
  return {
    ...envelope,
    ...saidOfIt,
    id: deriveId(runIdOf(start), "ended"),
    kind: "run.ended",
    time: piece?.time ?? start.time,
    ...(tags.length > 0 && { tags }),
    ...(metadata && { metadata }),
    run: {
      ...known,
      ...said,
      // A dialect that cannot know the type of a run when it ends says nothing better than its start did.
      type: known.type,
      startTime: known.startTime ?? start.time,
      ...end,
      ...(request && { request }),
      pieces: piece ? [start.id, piece.id] : [start.id],
    },
  };
}

function merged<Shape extends object>(
  first: Shape | undefined,
  second: Shape | undefined,
): Shape | undefined {
  return first && second ? { ...first, ...second } : (second ?? first);
}

function runOf(event: Event): Run {
  return event.run ?? { type: "llm" };
}

function runIdOf(event: Event): string {
  if (event.runId === undefined) throw new TypeError(`event ${event.id} has no run`);
  return event.runId;
}
