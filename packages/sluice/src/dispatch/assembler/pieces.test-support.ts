import { type Event, kindCode, type Run } from "@sluice/sdk";
import { busPlace, deriveId, isPiece } from "@sluice/sdk/internal";
import { Received } from "../../spool/received.ts";
import { FLAG_BINDS, FLAG_PARTIAL, FLAG_UNBOUND, type NewRecord } from "../../spool/spool.ts";

/** Records as sources make them, of runs that come in pieces. */

const time = "2026-01-01T00:00:00.000Z";

function spooled(event: Event, flags = 0, orderKey = event.traceId ?? event.runId): NewRecord {
  const { id, kind, runId } = event;
  return {
    ...{ id, kindCode: kindCode(kind), flags: flags | (isPiece(event) ? FLAG_PARTIAL : 0) },
    ...(runId !== undefined && { runId }),
    ...(orderKey !== undefined && { orderKey }),
    received: new Received(Buffer.from(JSON.stringify(event))),
    body: Buffer.from(JSON.stringify(event)),
  };
}

export function start(runId: string, run: Partial<Run> = {}): NewRecord {
  const request = { model: "m", input: `to ${runId}` };
  return spooled({
    ...{ id: `start-${runId}`, kind: "run.started", time, runId },
    run: { type: "llm", startTime: time, request, ...run },
  });
}

export function piece(runId: string): NewRecord {
  const run: Run = { type: "llm", response: { output: `from ${runId}` } };
  return spooled({ id: `piece-${runId}`, kind: "run.ended", time, runId, run });
}

export function whole(runId: string): NewRecord {
  const run: Run = { type: "llm", startTime: time, status: "ok" };
  return spooled({ id: deriveId(runId, "ended"), kind: "run.ended", time, runId, run });
}

export type OfBus = Partial<Event> & { readonly nativeId?: string };

/** Something that a session of the bus tells; without a `traceId` it waits for one. */
export function told(id: string, { nativeId = "s", ...more }: OfBus = {}): NewRecord {
  const session = { connector: "c", nativeId };
  const event: Event = { id, kind: "session.updated", time, session, ...more };
  if (event.traceId !== undefined) return spooled(event, FLAG_BINDS);
  return spooled(event, FLAG_PARTIAL | FLAG_UNBOUND, busPlace(session));
}

export function toldStart(runId: string, more: OfBus = {}): NewRecord {
  const run: Run = { type: "llm", startTime: time, request: { input: `to ${runId}` } };
  return told(`start-${runId}`, { kind: "run.started", runId, run, ...more });
}

export function toldPiece(runId: string, more: OfBus = {}): NewRecord {
  const run: Run = { type: "llm", status: "ok", response: { output: `from ${runId}` } };
  return told(`piece-${runId}`, { kind: "run.ended", runId, run, ...more });
}

export function toldWhole(runId: string, more: OfBus = {}): NewRecord {
  const run: Run = { type: "tool", startTime: time, status: "ok" };
  return told(`whole-${runId}`, { kind: "run.ended", runId, run, ...more });
}
