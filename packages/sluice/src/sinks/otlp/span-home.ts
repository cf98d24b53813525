import type { Attributes, Resource, Scope } from "./span.ts";

/** The conventions whose names our attributes have: the last version that was released as a whole. */
const SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0";

/** Where spans stand: the same two objects for all of a sink, which is how they are grouped. */
export interface SpanHome {
  readonly resource: Resource;
  readonly scope: Scope;
}

/** Without a version of ours: an upgrade must not change the bytes of an event that is sent again. */
export function spanHome(resource: Attributes): SpanHome {
  return { resource: { attributes: resource }, scope: { name: "sluice", schemaUrl: SCHEMA_URL } };
}
