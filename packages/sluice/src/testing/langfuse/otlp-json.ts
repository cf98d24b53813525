/** A span as a request has it, its attributes in plain values. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  readonly isError: boolean;
  readonly statusMessage?: string;
  readonly attributes: Plain;
  readonly resource: Plain;
  readonly events: readonly { readonly name: string; readonly attributes: Plain }[];
}

export type Plain = Readonly<Record<string, unknown>>;

/** Why the whole export is refused: there is no partial success at Langfuse. */
export class ExportRefused extends Error {}

/** The spans of an ExportTraceServiceRequest in JSON form. One bad span refuses them all. */
export function receivedSpans(json: unknown): readonly ReceivedSpan[] {
  return listOf(Object(json).resourceSpans, "resourceSpans").flatMap((resourceSpans) => {
    const resource = plainAttributes(Object(resourceSpans.resource).attributes);
    return listOf(resourceSpans.scopeSpans, "scopeSpans").flatMap((scopeSpans) =>
      listOf(scopeSpans.spans, "spans").map((span) => receivedSpan(span, resource)),
    );
  });
}

function receivedSpan(span: Member, resource: Plain): ReceivedSpan {
  const { status } = span;
  const parent = span.parentSpanId;
  const message = Object(status).message;
  return {
    traceId: idOf(span.traceId, /^(?!0{32})[\da-f]{32}$/i, "traceId"),
    spanId: idOf(span.spanId, /^(?!0{16})[\da-f]{16}$/i, "spanId"),
    ...(isGiven(parent) && { parentSpanId: idOf(parent, /^[\da-f]{16}$/i, "parentSpanId") }),
    name: String(span.name ?? ""),
    startNanos: nanosOf(span.startTimeUnixNano),
    endNanos: nanosOf(span.endTimeUnixNano),
    isError: Object(status).code === 2,
    ...(isGiven(message) && { statusMessage: String(message) }),
    attributes: plainAttributes(span.attributes),
    resource,
    events: listOf(span.events, "events").map(({ name, attributes }) => ({
      name: String(name),
      attributes: plainAttributes(attributes),
    })),
  };
}

type Member = Readonly<Record<string, unknown>>;

function listOf(value: unknown, what: string): readonly Member[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new ExportRefused(`${what} is not an array`);
  return value.map(Object);
}

function idOf(value: unknown, form: RegExp, what: string): string {
  if (typeof value === "string" && form.test(value)) return value.toLowerCase();
  throw new ExportRefused(`Invalid ${what}: ${JSON.stringify(value)}`);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function nanosOf(value: unknown): bigint {
  const digits = String(value ?? "");
  if (!/^\d+$/.test(digits)) throw new ExportRefused(`Invalid time: ${JSON.stringify(value)}`);
  return BigInt(digits);
}

/** Attributes are lists of pairs; an object in their place is not one. */
function plainAttributes(value: unknown): Plain {
  const pairs = listOf(value, "attributes").map(({ key, value: inner }) => [String(key), plain(inner)]);
  return Object.fromEntries(pairs);
}

function plain(value: unknown): unknown {
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } =
    Object(value);
  if (intValue !== undefined) return Number(intValue);
  if (doubleValue !== undefined) return Number(doubleValue);
  if (arrayValue !== undefined) return listOf(Object(arrayValue).values, "values").map(plain);
  if (kvlistValue !== undefined) return plainAttributes(Object(kvlistValue).values);
  return stringValue ?? boolValue ?? bytesValue ?? null;
}
