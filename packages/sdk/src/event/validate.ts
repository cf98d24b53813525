import type { Event } from "./event.ts";
import {
  checkId,
  checkName,
  checkObject,
  checkSpanId,
  checkStrings,
  checkTime,
  type EventFault,
  type Fields,
  invalid,
  isObject,
  requireField,
} from "./fields.ts";
import { deriveId } from "./ids.ts";
import { checkRun } from "./validate-run.ts";

/** An event on its way in: id and time may still be missing. */
export type IncomingEvent = {
  readonly [Name in keyof Event as Name extends "id" | "time" ? never : Name]: Event[Name];
} & { readonly id?: string; readonly time?: string };

/**
 * The check that every event passes once, where it enters; undefined if it may. The rules are those of
 * docs/spec/event.md. By hand and not by a schema library, because emitters run it for each event and bring
 * no dependency. What it does not name is not its business: unknown fields pass at every level.
 */
export function checkEvent(value: unknown): EventFault | undefined {
  if (!isObject(value)) return invalid("", "an event must be a JSON object");
  return checkEnvelope(value) ?? checkRun(value.run) ?? checkTool(value.tool) ?? checkKind(value);
}

/** A run's end that says everything: when it began, and how it came out. */
export function isComplete(event: IncomingEvent): boolean {
  const { kind, run } = event;
  return kind === "run.ended" && run?.startTime !== undefined && run.status !== undefined;
}

/** Any other end is a piece: the assembler has to join it with its start. */
export function isPiece(event: IncomingEvent): boolean {
  return event.kind === "run.ended" && !isComplete(event);
}

/**
 * The id that a complete end must have. Revision 2 is an end that came after the run had been closed without
 * it.
 */
export function endId(runId: string, revision = 1): string {
  return deriveId(runId, revision === 1 ? "ended" : `ended:${revision}`);
}

function checkEnvelope(event: Fields): EventFault | undefined {
  return (
    checkId(event.id, "id") ??
    requireField(event, "kind") ??
    checkId(event.kind, "kind") ??
    checkTime(event.time, "time") ??
    checkId(event.runId, "runId") ??
    checkId(event.parentRunId, "parentRunId") ??
    checkId(event.traceId, "traceId") ??
    checkSpanId(event.parentSpanId, "parentSpanId") ??
    checkScope(event.scope) ??
    checkSession(event.session) ??
    checkStrings(event.tags, "tags") ??
    checkObject(event.metadata, "metadata")
  );
}

function checkScope(scope: unknown): EventFault | undefined {
  if (scope === undefined) return undefined;
  if (!isObject(scope)) return invalid("scope", "must be an object");
  if (scope.kind === "system") return undefined;
  if (scope.kind !== "user") return invalid("scope.kind", 'must be "user" or "system"');
  return (
    requireField(scope, "id", "scope.") ??
    checkName(scope.id, "scope.id") ??
    checkObject(scope.props, "scope.props")
  );
}

function checkSession(session: unknown): EventFault | undefined {
  if (session === undefined) return undefined;
  if (!isObject(session)) return invalid("session", "must be an object");
  return (
    checkName(session.id, "session.id") ??
    checkName(session.connector, "session.connector") ??
    checkName(session.nativeId, "session.nativeId")
  );
}

function checkTool(tool: unknown): EventFault | undefined {
  if (tool === undefined) return undefined;
  if (!isObject(tool)) return invalid("tool", "must be an object");
  return (
    requireField(tool, "name", "tool.") ?? checkName(tool.name, "tool.name") ?? checkName(tool.id, "tool.id")
  );
}

/** What holds for one kind only. */
function checkKind(event: Fields): EventFault | undefined {
  switch (event.kind) {
    case "run.started":
      return requireField(event, "runId") ?? requireField(event, "run") ?? checkStart(event.run);
    case "run.ended":
      return (
        requireField(event, "runId") ??
        requireField(event, "run") ??
        checkEndId(event as unknown as IncomingEvent)
      );
    case "run.scored":
      return requireField(event, "runId") ?? requireField(event, "data");
    case "tool.called":
      return requireField(event, "runId") ?? requireField(event, "tool");
    case "run.delta":
      return invalid(
        "kind",
        "run.delta is for live viewing and is never stored; send run.ended with the whole",
      );
    default:
      return undefined;
  }
}

function checkStart(run: unknown): EventFault | undefined {
  return isObject(run) ? requireField(run, "startTime", "run.") : undefined;
}

function checkEndId(event: IncomingEvent): EventFault | undefined {
  if (event.id === undefined || event.runId === undefined || !isComplete(event)) return undefined;
  const expected = endId(event.runId, event.run?.revision);
  if (event.id === expected) return undefined;
  return {
    code: "wrong_id",
    field: "id",
    detail: `must be ${expected} for the end of this run, or be left out`,
  };
}
