/** A span as a server of OTLP has it in its hands, with attributes as plain values. */
export interface OtlpSpan {
  readonly resource: OtlpAttributes;
  readonly scope: string;
  /** What the scope says its names mean. */
  readonly schemaUrl: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Absent: it is a root. */
  readonly parentSpanId?: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes: OtlpAttributes;
  readonly events: readonly OtlpSpanEvent[];
  /** 0 unset, 1 ok, 2 error. */
  readonly status: { readonly code: number; readonly message: string };
  readonly flags: number;
}

export interface OtlpSpanEvent {
  readonly name: string;
  readonly timeUnixNano: bigint;
  readonly attributes: OtlpAttributes;
}

/** By key. Integers beyond the safe ones are bigints. */
export type OtlpAttributes = Readonly<Record<string, unknown>>;
