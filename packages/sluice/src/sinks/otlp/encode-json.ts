import { asJsonText, base64, DEPTH_MAX, isBigInt64, isInt64, isList } from "./any-value.ts";
import { grouped } from "./grouped.ts";
import type { Attributes, AttributeValue, Span } from "./span.ts";
import { type Field, type Message, REQUEST } from "./table.ts";

/**
 * An ExportTraceServiceRequest in OTLP/JSON: protobuf's JSON, but ids are hex and enums are numbers. What has
 * 64 bits is a decimal text; NaN and the infinities are texts too, as JSON has none; bytes are base64. The
 * same fields are there as in protobuf, in the same order.
 */
export function encodeTraceJson(spans: readonly Span[]): string {
  return JSON.stringify(messageOf(REQUEST, { resourceSpans: grouped(spans) }));
}

function messageOf(message: Message, source: object): Record<string, unknown> {
  const values = source as Readonly<Record<string, unknown>>;
  const json: Record<string, unknown> = {};
  for (const field of message.fields) {
    const value = values[field.name];
    if (!value) continue;
    const written = jsonOf(field, value);
    const isEmptyList = Array.isArray(written) && written.length === 0;
    if (!isEmptyList) json[field.name] = written;
  }
  return json;
}

function jsonOf(field: Field, value: unknown): unknown {
  switch (field.kind) {
    case "id":
    case "varint":
    case "fixed32":
      return value;
    case "text":
      return (value as string).toWellFormed();
    case "nanos":
      return String(BigInt.asUintN(64, value as bigint));
    case "pairs":
      return pairsOf(value as Attributes, 0);
    case "one":
      return messageOf(field.message, value as object);
    case "many":
      return (value as readonly object[]).map((each) => messageOf(field.message, each));
  }
}

function pairsOf(pairs: Attributes, depth: number): unknown[] {
  return Object.keys(pairs).map((key) => ({
    key: key.toWellFormed(),
    value: anyValueOf(pairs[key] ?? null, depth),
  }));
}

function anyValueOf(value: AttributeValue, depth: number): object {
  switch (typeof value) {
    case "string":
      return { stringValue: value.toWellFormed() };
    case "boolean":
      return { boolValue: value };
    case "number":
      return isInt64(value) ? { intValue: String(BigInt(value)) } : { doubleValue: doubleOf(value) };
    case "bigint":
      return isBigInt64(value) ? { intValue: String(value) } : { stringValue: String(value) };
    case "object":
      return value === null ? {} : objectOf(value, depth);
  }
}

function objectOf(value: Exclude<AttributeValue, null> & object, depth: number): object {
  if (value instanceof Uint8Array) return { bytesValue: base64(value) };
  if (depth === DEPTH_MAX) return { stringValue: asJsonText(value) };
  if (!isList(value)) return { kvlistValue: { values: pairsOf(value, depth + 1) } };
  return { arrayValue: { values: value.map((each) => anyValueOf(each, depth + 1)) } };
}

function doubleOf(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
