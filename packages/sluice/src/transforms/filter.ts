import { type Event, matchesKind } from "@sluice/sdk";

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
}

/** Pure: does an event pass? Every given condition must hold. */
export function createFilter(filter: Filter): (event: Event) => boolean {
  const { scope, kinds } = filter;
  return (event) =>
    (kinds === undefined || kinds.some((kind) => matchesKind(event.kind, kind))) &&
    (scope === undefined || matchesScope(event, scope));
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
