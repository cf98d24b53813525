import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Attributes, Resource, Span } from "./span.ts";
import { readFields } from "./wire.test-support.ts";

/** What OpenTelemetry's own exporter sends for the same spans, less the zeros that it need not write. */
export function oracleProto(spans: readonly Span[]): Buffer {
  const bytes = ProtobufTraceSerializer.serializeRequest(readableSpans(spans));
  return withoutDefaults(Buffer.from(bytes ?? []), "request");
}

/** The same in JSON: 64 bits as text, which OpenTelemetry's exporter writes as numbers. */
export function oracleJson(spans: readonly Span[]): unknown {
  const bytes = JsonTraceSerializer.serializeRequest(readableSpans(spans)) ?? new Uint8Array();
  return JSON.parse(Buffer.from(bytes).toString(), (key, value) => {
    if (key === "intValue") return String(BigInt(value));
    // It stands beside the resource as well, which is its place.
    if (key === "resource") delete value.schemaUrl;
    const isMessage = typeof value === "object" && value !== null && !Array.isArray(value);
    return isMessage ? withoutJsonDefaults(value) : value;
  });
}

/** The SDK's spans, whose resources and scopes are the same objects as ours. */
export function readableSpans(spans: readonly Span[]): ReadableSpan[] {
  return spans.map((span) => ({
    name: span.name,
    // The SDK counts kinds from internal = 0. Undefined is unspecified, though its type has none.
    kind: (span.kind ? span.kind - 1 : undefined) as ReadableSpan["kind"],
    spanContext: () => contextOf(span),
    parentSpanContext: {
      traceId: span.traceId,
      spanId: span.parentSpanId ?? "",
      traceFlags: 0,
      isRemote: ((span.flags ?? 0) & 0x200) !== 0,
    },
    startTime: hrTime(span.startTimeUnixNano),
    endTime: hrTime(span.endTimeUnixNano),
    status: { code: 0, ...span.status },
    attributes: sdkAttributes(span.attributes),
    links: (span.links ?? []).map((link) => ({
      context: contextOf(link),
      attributes: sdkAttributes(link.attributes),
      droppedAttributesCount: link.droppedAttributesCount ?? 0,
    })),
    events: (span.events ?? []).map((event) => ({
      name: event.name,
      time: hrTime(event.timeUnixNano),
      attributes: sdkAttributes(event.attributes),
      droppedAttributesCount: event.droppedAttributesCount ?? 0,
    })),
    duration: [0, 0],
    ended: true,
    resource: sdkResource(span.resource),
    instrumentationScope: span.scope as ReadableSpan["instrumentationScope"],
    droppedAttributesCount: span.droppedAttributesCount ?? 0,
    droppedEventsCount: span.droppedEventsCount ?? 0,
    droppedLinksCount: span.droppedLinksCount ?? 0,
  }));
}

function contextOf(of: { traceId: string; spanId: string; traceState?: string; flags?: number }) {
  const { traceId, spanId, traceState = "", flags = 0 } = of;
  const state = { serialize: () => traceState } as NonNullable<
    ReturnType<ReadableSpan["spanContext"]>["traceState"]
  >;
  return { traceId, spanId, traceFlags: flags & 0xff, isRemote: (flags & 0x200) !== 0, traceState: state };
}

function hrTime(nanos: bigint): [number, number] {
  return [Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)];
}

/** The SDK's type knows flat attributes only; its serializer takes nested ones. */
function sdkAttributes(attributes: Attributes | undefined): ReadableSpan["attributes"] {
  return (attributes ?? {}) as ReadableSpan["attributes"];
}

function sdkResource(resource: Resource): ReadableSpan["resource"] {
  return resource as unknown as ReadableSpan["resource"];
}

/** Which fields are messages, from the .proto files. AnyValue is a oneof, where a zero is a value. */
const MESSAGES: Record<string, Record<number, string>> = {
  request: { 1: "resourceSpans" },
  resourceSpans: { 1: "resource", 2: "scopeSpans" },
  scopeSpans: { 1: "scope", 2: "span" },
  resource: { 1: "keyValue" },
  scope: { 3: "keyValue" },
  span: { 9: "keyValue", 11: "event", 13: "link", 15: "status" },
  event: { 3: "keyValue" },
  link: { 4: "keyValue" },
  status: {},
  keyValue: { 2: "anyValue" },
  anyValue: { 5: "list", 6: "map" },
  list: { 1: "anyValue" },
  map: { 1: "keyValue" },
};

function withoutDefaults(bytes: Buffer, type: string): Buffer {
  const kept = readFields(bytes).map(({ tag, payload, raw }) => {
    const inner = MESSAGES[type]?.[tag >> 3];
    if (inner !== undefined) {
      const message = withoutDefaults(payload, inner);
      return Buffer.concat([varint(tag), varint(message.length), message]);
    }
    const isDefault = payload.every((byte) => byte === 0) && ((tag & 7) !== 2 || payload.length === 0);
    return isDefault && type !== "anyValue" ? Buffer.alloc(0) : raw;
  });
  return Buffer.concat(kept);
}

/** A length or a tag, in the shortest form. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + (rest > 127 ? 128 : 0));
    if (rest <= 127) return Buffer.from(bytes);
  }
}

/** These are in their messages whatever their value is. */
const ALWAYS = /^(key|value|values|\w+Value)$/;

function withoutJsonDefaults(message: object): object {
  return Object.fromEntries(
    Object.entries(message).filter(([name, value]) => {
      const isDefault =
        value === 0 ||
        value === "" ||
        (value === "0" && name.endsWith("UnixNano")) ||
        (Array.isArray(value) && value.length === 0);
      return ALWAYS.test(name) || !isDefault;
    }),
  );
}
