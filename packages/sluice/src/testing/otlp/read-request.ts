import { REQUEST } from "../../sinks/otlp/table.ts";
import { Malformed } from "./malformed.ts";
import { readJson } from "./read-json.ts";
import { readProto } from "./read-proto.ts";
import type { OtlpAttributes, OtlpSpan, OtlpSpanEvent } from "./span.ts";

/** Members of a message that was read by its table. What was not sent is absent. */
interface Read {
  readonly [name: string]: unknown;
}

/** The spans of an ExportTraceServiceRequest. Throws `Malformed` for one that a strict server refuses. */
export function readRequest(body: Buffer, encoding: "protobuf" | "json"): readonly OtlpSpan[] {
  const request = encoding === "protobuf" ? readProto(body, REQUEST) : readJson(parsed(body), REQUEST);
  return many(request.resourceSpans).flatMap(({ resource, scopeSpans }) =>
    many(scopeSpans).flatMap(({ scope, spans, schemaUrl }) =>
      many(spans).map((span) => ({
        resource: attributesOf(one(resource).attributes),
        scope: textOf(one(scope).name),
        schemaUrl: textOf(schemaUrl),
        ...spanOf(span),
      })),
    ),
  );
}

type OwnSpan = Omit<OtlpSpan, "resource" | "scope" | "schemaUrl">;

function spanOf(span: Read): OwnSpan {
  const name = textOf(span.name);
  const parentSpanId = textOf(span.parentSpanId);
  if (parentSpanId !== "") checkId(parentSpanId, 16, "parent span id", name);
  const read: OwnSpan = {
    traceId: checkId(textOf(span.traceId), 32, "trace id", name),
    spanId: checkId(textOf(span.spanId), 16, "span id", name),
    ...(parentSpanId !== "" && { parentSpanId }),
    name,
    kind: numberOf(span.kind),
    startTimeUnixNano: nanosOf(span.startTimeUnixNano),
    endTimeUnixNano: nanosOf(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
    events: many(span.events).map(eventOf),
    status: { code: numberOf(one(span.status).code), message: textOf(one(span.status).message) },
    flags: numberOf(span.flags),
  };
  if (read.startTimeUnixNano === 0n) throw new Malformed(`the span "${name}" has no start`);
  if (read.endTimeUnixNano < read.startTimeUnixNano)
    throw new Malformed(`the span "${name}" ends before it began`);
  return read;
}

function eventOf({ name, timeUnixNano, attributes }: Read): OtlpSpanEvent {
  return { name: textOf(name), timeUnixNano: nanosOf(timeUnixNano), attributes: attributesOf(attributes) };
}

function checkId(id: string, digits: number, what: string, name: string): string {
  if (id.length === digits && !/^0*$/.test(id)) return id;
  throw new Malformed(`the ${what} of the span "${name}" is not ${digits / 2} bytes that are not all 0`);
}

/** A key that stands twice is a fault of the sender's: the protocol demands unique ones. */
function attributesOf(pairs: unknown): OtlpAttributes {
  const list = (pairs ?? []) as readonly (readonly [string, unknown])[];
  const attributes = Object.fromEntries(list);
  if (Object.keys(attributes).length < list.length) throw new Malformed("an attribute stands twice");
  return attributes;
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new Malformed("the body is no JSON");
  }
}

function many(list: unknown): readonly Read[] {
  return (list ?? []) as readonly Read[];
}

function one(message: unknown): Read {
  return (message ?? {}) as Read;
}

function textOf(text: unknown): string {
  return typeof text === "string" ? text : "";
}

function numberOf(number: unknown): number {
  return typeof number === "number" ? number : 0;
}

function nanosOf(nanos: unknown): bigint {
  return typeof nanos === "bigint" ? nanos : 0n;
}
