import { type Event, matchesKind } from "@sluice/sdk";
import { createWhere } from "./where.ts";

/** Whose events a sink gets. The fifth seed's word; `connector` is its own example. */
export type FilterScope =
  | { readonly kind: "all" }
  | { readonly kind: "connector"; readonly connectorUid: string }
  | { readonly kind: "session"; readonly sessionId: string }
  | { readonly kind: "user"; readonly userId: string }
  | { readonly kind: "system" }
  | { readonly kind: "tag"; readonly tag: string };

export interface Filter {
  readonly scope?: FilterScope;
  /** Kinds that pass; `run.*` stands for all that begin with "run.". Absent: all. */
  readonly kinds?: readonly string[];
  /** A CEL expression over `event`, see where.ts. */
  readonly where?: string;
}

/** Pure: does an event pass? Every given condition must hold. */
export function createFilter(filter: Filter): (event: Event) => boolean {
  const { scope, kinds } = filter;
  const holds = filter.where === undefined ? undefined : createWhere(filter.where);
  return (event) =>
    (kinds === undefined || kinds.some((kind) => matchesKind(event.kind, kind))) &&
    (scope === undefined || matchesScope(event, scope)) &&
    (holds === undefined || holds(event));
}

function matchesScope(event: Event, scope: FilterScope): boolean {
  switch (scope.kind) {
    case "all":
      return true;
    case "connector":
      return event.session?.connector === scope.connectorUid;
    case "session":
      return event.session?.id === scope.sessionId;
    case "user":
      return event.scope?.kind === "user" && event.scope.id === scope.userId;
    case "system":
      return event.scope?.kind === "system";
    case "tag":
      return event.tags?.includes(scope.tag) ?? false;
  }
}
