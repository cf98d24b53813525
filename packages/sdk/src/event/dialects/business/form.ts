import type { Json, JsonObject } from "../../event.ts";
import type { EventFault } from "../../fields.ts";
import {
  checkEventType,
  checkForeignId,
  checkPayloadObject,
  expected,
  isPayloadObject,
  missing,
  nameIn,
} from "../foreign.ts";
import { toUtcTime } from "../foreign-time.ts";

/** Does this payload have the form that the dialect can carry over? Of its metadata nothing is asked. */
export function checkBusiness(payload: JsonObject): EventFault | undefined {
  const { id, metadata, created_at } = payload;
  return (
    (id === undefined ? missing("id") : checkForeignId(id, "id")) ??
    checkEventType(payload, "event_type") ??
    checkMetadata(metadata) ??
    (created_at === undefined ? missing("created_at") : checkCreatedAt(created_at)) ??
    checkScope(payload.scope)
  );
}

function checkMetadata(metadata: Json | undefined): EventFault | undefined {
  if (metadata === undefined) return missing("metadata");
  return metadata === null ? undefined : checkPayloadObject(metadata, "metadata");
}

function checkCreatedAt(stamp: Json): EventFault | undefined {
  if (toUtcTime(stamp) !== undefined) return undefined;
  return expected("a time as RFC 3339 writes it, such as 2026-11-21T05:00:00.123Z", "created_at", stamp);
}

function checkScope(scope: Json | undefined): EventFault | undefined {
  if (scope === undefined || scope === null) return undefined;
  if (!isPayloadObject(scope)) return expected('{"kind":"user","id":…} or {"kind":"system"}', "scope", scope);
  if (scope.kind === "system") return undefined;
  if (scope.kind !== "user") return expected('"user" or "system"', "scope.kind", scope.kind);
  if (scope.id === undefined) return missing("scope.id");
  if (nameIn(scope.id) === undefined) return expected("the name of a user", "scope.id", scope.id);
  return scope.props === undefined ? undefined : checkPayloadObject(scope.props, "scope.props");
}
