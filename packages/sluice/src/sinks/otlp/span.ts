/**
 * A span as OTLP has it, in plain values and before any encoding. What is absent is not sent; a zero and an
 * empty text are the same as absent, as everywhere in protobuf.
 */
export interface Span {
  /** The same object on every span of one resource: spans are grouped by identity. */
  readonly resource: Resource;
  /** As the resource: one object, many spans. */
  readonly scope: Scope;
  /** 32 hex digits, not all of them zero. */
  readonly traceId: string;
  /** 16 hex digits, not all of them zero. */
  readonly spanId: string;
  readonly traceState?: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: (typeof SPAN_KIND)[keyof typeof SPAN_KIND];
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes?: Attributes;
  readonly droppedAttributesCount?: number;
  readonly events?: readonly SpanEvent[];
  readonly droppedEventsCount?: number;
  readonly links?: readonly SpanLink[];
  readonly droppedLinksCount?: number;
  readonly status?: Status;
  /** The low byte is W3C's trace flags; 0x100 says that 0x200, a remote parent, is known. */
  readonly flags?: number;
}

export const SPAN_KIND = {
  unspecified: 0,
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
} as const;
export const STATUS_CODE = { unset: 0, ok: 1, error: 2 } as const;

export interface Status {
  readonly message?: string;
  readonly code?: (typeof STATUS_CODE)[keyof typeof STATUS_CODE];
}

export interface SpanEvent {
  readonly timeUnixNano: bigint;
  readonly name: string;
  readonly attributes?: Attributes;
  readonly droppedAttributesCount?: number;
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState?: string;
  readonly attributes?: Attributes;
  readonly droppedAttributesCount?: number;
  readonly flags?: number;
}

export interface Resource {
  readonly attributes?: Attributes;
  readonly droppedAttributesCount?: number;
  readonly schemaUrl?: string;
}

export interface Scope {
  readonly name: string;
  readonly version?: string;
  readonly attributes?: Attributes;
  readonly droppedAttributesCount?: number;
  readonly schemaUrl?: string;
}

export type Attributes = Readonly<Record<string, AttributeValue>>;

/**
 * Any JSON value, an integer of 64 bits, or bytes. A whole number is sent as an integer and any other as a
 * double, as OpenTelemetry's own exporter does; so -0 is 0.
 */
export type AttributeValue =
  | string
  | boolean
  | number
  | bigint
  | null
  | Uint8Array
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };
