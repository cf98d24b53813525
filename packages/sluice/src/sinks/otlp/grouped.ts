import type { Resource, Scope, Span } from "./span.ts";

/** The spans of one resource, by scope, as a request holds them. */
export interface ResourceSpans {
  readonly resource: Resource;
  readonly scopeSpans: readonly ScopeSpans[];
  readonly schemaUrl?: string | undefined;
}

export interface ScopeSpans {
  readonly scope: Scope;
  readonly spans: readonly Span[];
  readonly schemaUrl?: string | undefined;
}

/** Resources, scopes and spans each stand in the order in which they came. */
export function grouped(spans: readonly Span[]): readonly ResourceSpans[] {
  return [...Map.groupBy(spans, (span) => span.resource)].map(([resource, ofResource]) => ({
    resource,
    scopeSpans: [...Map.groupBy(ofResource, (span) => span.scope)].map(([scope, ofScope]) => ({
      scope,
      spans: ofScope,
      schemaUrl: scope.schemaUrl,
    })),
    schemaUrl: resource.schemaUrl,
  }));
}
