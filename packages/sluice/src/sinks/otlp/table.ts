import type { ResourceSpans, ScopeSpans } from "./grouped.ts";
import type { Resource, Scope, Span, SpanEvent, SpanLink, Status } from "./span.ts";

/**
 * The messages of an export, field by field: both encoders go through these tables. Numbers are those of
 * opentelemetry-proto 1.x, which may never change; names are those of OTLP/JSON.
 */

/**
 * What a field holds:
 *
 *   id       bytes in protobuf, hex in JSON
 *   text     a string
 *   varint   an enum or a count, up to 32 bits
 *   fixed32  flags
 *   nanos    64 bits without a sign; a decimal text in JSON
 *   pairs    attributes: a list of KeyValue
 *   one      a message
 *   many     a list of messages
 */
export type Field = { readonly name: string; readonly tag: number } & (
  | { readonly kind: Scalar }
  | { readonly kind: "one" | "many"; readonly message: Message }
);
type Scalar = keyof typeof WIRE_TYPES;

export interface Message {
  readonly fields: readonly Field[];
  /** Bytes that the length of such a message usually takes. A wrong guess costs a move of the message. */
  readonly lengthBytes: number;
}

const WIRE_TYPES = { id: 2, text: 2, varint: 0, fixed32: 5, nanos: 1, pairs: 2 } as const;
const WIRE_TYPE_MESSAGE = 2;

type Row =
  | readonly [number: number, kind: Scalar]
  | readonly [number: number, kind: "one" | "many", message: Message];

/** Every field of the type has a row, and no other: the compiler looks after that. */
type Rows<Type> = { readonly [Name in keyof Type & string]-?: Row };

const RESOURCE = message<Omit<Resource, "schemaUrl">>(2, {
  attributes: [1, "pairs"],
  droppedAttributesCount: [2, "varint"],
});

const SCOPE = message<Omit<Scope, "schemaUrl">>(1, {
  name: [1, "text"],
  version: [2, "text"],
  attributes: [3, "pairs"],
  droppedAttributesCount: [4, "varint"],
});

const EVENT = message<SpanEvent>(2, {
  timeUnixNano: [1, "nanos"],
  name: [2, "text"],
  attributes: [3, "pairs"],
  droppedAttributesCount: [4, "varint"],
});

const LINK = message<SpanLink>(1, {
  traceId: [1, "id"],
  spanId: [2, "id"],
  traceState: [3, "text"],
  attributes: [4, "pairs"],
  droppedAttributesCount: [5, "varint"],
  flags: [6, "fixed32"],
});

const STATUS = message<Status>(1, {
  message: [2, "text"],
  code: [3, "varint"],
});

const SPAN = message<Omit<Span, "resource" | "scope">>(2, {
  traceId: [1, "id"],
  spanId: [2, "id"],
  traceState: [3, "text"],
  parentSpanId: [4, "id"],
  name: [5, "text"],
  kind: [6, "varint"],
  startTimeUnixNano: [7, "nanos"],
  endTimeUnixNano: [8, "nanos"],
  attributes: [9, "pairs"],
  droppedAttributesCount: [10, "varint"],
  events: [11, "many", EVENT],
  droppedEventsCount: [12, "varint"],
  links: [13, "many", LINK],
  droppedLinksCount: [14, "varint"],
  status: [15, "one", STATUS],
  flags: [16, "fixed32"],
});

const SCOPE_SPANS = message<ScopeSpans>(3, {
  scope: [1, "one", SCOPE],
  spans: [2, "many", SPAN],
  schemaUrl: [3, "text"],
});

const RESOURCE_SPANS = message<ResourceSpans>(3, {
  resource: [1, "one", RESOURCE],
  scopeSpans: [2, "many", SCOPE_SPANS],
  schemaUrl: [3, "text"],
});

export const REQUEST = message<{ resourceSpans: readonly ResourceSpans[] }>(0, {
  resourceSpans: [1, "many", RESOURCE_SPANS],
});

function message<Type>(lengthBytes: number, rows: Rows<Type>): Message {
  return { lengthBytes, fields: Object.entries<Row>(rows).map(([name, row]) => fieldOf(name, row)) };
}

function fieldOf(name: string, row: Row): Field {
  const [number] = row;
  if (row.length === 2) return { name, tag: (number << 3) | WIRE_TYPES[row[1]], kind: row[1] };
  return { name, tag: (number << 3) | WIRE_TYPE_MESSAGE, kind: row[1], message: row[2] };
}
