import { asJsonText, DEPTH_MAX, isBigInt64, isInt64, isList } from "./any-value.ts";
import { grouped } from "./grouped.ts";
import { lengthBytesOf, ProtoBytes } from "./proto-bytes.ts";
import type { Attributes, AttributeValue, Span } from "./span.ts";
import { type Message, REQUEST } from "./table.ts";

/** Room to begin with: the resource, and spans of calls with a short conversation. */
const FIRST_BYTES = 1024;
const SPAN_BYTES = 2048;

/**
 * An ExportTraceServiceRequest in protobuf, in the one form that protobuf calls canonical: fields in the
 * order of their numbers, defaults left out, lengths as short as they can be. The same spans give the same
 * bytes. Throws if an id is not hex, which is a bug. What it will be long is a guess that costs a copy where
 * it is too low, and no more.
 */
export function encodeTraceProto(
  spans: readonly Span[],
  expectedBytes = FIRST_BYTES + spans.length * SPAN_BYTES,
): Uint8Array<ArrayBuffer> {
  const out = new ProtoBytes(expectedBytes);
  writeMessage(out, REQUEST, { resourceSpans: grouped(spans) });
  return out.written;
}

/** The table says what type the value of a field has; the tests hold it to that. */
function writeMessage(out: ProtoBytes, message: Message, source: object): void {
  const values = source as Readonly<Record<string, unknown>>;
  for (const field of message.fields) {
    const value = values[field.name];
    // Every default is falsy: undefined, "", 0 and 0n. None of them is written.
    if (!value) continue;
    switch (field.kind) {
      case "id":
        out.varint(field.tag);
        out.hex(value as string);
        break;
      case "text":
        out.varint(field.tag);
        out.text(value as string);
        break;
      case "varint":
        out.varint(field.tag);
        out.varint(value as number);
        break;
      case "fixed32":
        out.varint(field.tag);
        out.fixed32(value as number);
        break;
      case "nanos":
        out.varint(field.tag);
        out.fixed64(value as bigint);
        break;
      case "pairs":
        writePairs(out, field.tag, value as Attributes, 0);
        break;
      case "one":
        writeNested(out, field.tag, field.message, value);
        break;
      case "many":
        for (const each of value as readonly object[]) writeNested(out, field.tag, field.message, each);
    }
  }
}

function writeNested(out: ProtoBytes, tag: number, message: Message, source: object): void {
  out.varint(tag);
  const start = out.open(message.lengthBytes);
  writeMessage(out, message, source);
  out.close(start, message.lengthBytes);
}

/**
 * KeyValue, AnyValue, ArrayValue and KeyValueList, which contain each other: written by hand, as most of the
 * bytes are here. One form of AnyValue is always written, so that an empty text or a zero is not a null.
 */
const KEY = (1 << 3) | 2;
const VALUE = (2 << 3) | 2;
const STRING_VALUE = (1 << 3) | 2;
const BOOL_VALUE = (2 << 3) | 0;
const INT_VALUE = (3 << 3) | 0;
const DOUBLE_VALUE = (4 << 3) | 1;
const ARRAY_VALUE = (5 << 3) | 2;
const KVLIST_VALUE = (6 << 3) | 2;
const BYTES_VALUE = (7 << 3) | 2;
/** The field of ArrayValue, and that of KeyValueList. */
const VALUES = (1 << 3) | 2;
/** Tags and lengths around a text. */
const AROUND_TEXT_BYTES = 8;

function writePairs(out: ProtoBytes, tag: number, pairs: Attributes, depth: number): void {
  for (const key of Object.keys(pairs)) {
    const value = pairs[key] ?? null;
    const lengthBytes =
      typeof value === "string" ? lengthBytesOf(key.length + value.length + AROUND_TEXT_BYTES) : 1;
    out.varint(tag);
    const start = out.open(lengthBytes);
    if (key !== "") {
      out.varint(KEY);
      out.text(key);
    }
    writeValue(out, VALUE, value, depth);
    out.close(start, lengthBytes);
  }
}

function writeValue(out: ProtoBytes, tag: number, value: AttributeValue, depth: number): void {
  const lengthBytes = typeof value === "string" ? lengthBytesOf(value.length + AROUND_TEXT_BYTES) : 1;
  out.varint(tag);
  const start = out.open(lengthBytes);
  writeAnyValue(out, value, depth);
  out.close(start, lengthBytes);
}

function writeAnyValue(out: ProtoBytes, value: AttributeValue, depth: number): void {
  switch (typeof value) {
    case "string":
      writeText(out, value);
      break;
    case "boolean":
      out.varint(BOOL_VALUE);
      out.varint(value ? 1 : 0);
      break;
    case "number":
      writeNumber(out, value);
      break;
    case "bigint":
      writeBigInt(out, value);
      break;
    case "object":
      if (value !== null) writeObject(out, value, depth);
  }
}

function writeText(out: ProtoBytes, value: string): void {
  out.varint(STRING_VALUE);
  out.text(value);
}

function writeBigInt(out: ProtoBytes, value: bigint): void {
  if (!isBigInt64(value)) {
    writeText(out, String(value));
    return;
  }
  out.varint(INT_VALUE);
  out.bigInt64(value);
}

function writeNumber(out: ProtoBytes, value: number): void {
  if (isInt64(value)) {
    out.varint(INT_VALUE);
    out.int64(value);
    return;
  }
  out.varint(DOUBLE_VALUE);
  out.double(value);
}

function writeObject(out: ProtoBytes, value: Exclude<AttributeValue, null> & object, depth: number): void {
  if (value instanceof Uint8Array) {
    out.varint(BYTES_VALUE);
    out.bytes(value);
    return;
  }
  if (depth === DEPTH_MAX) {
    writeText(out, asJsonText(value));
    return;
  }
  out.varint(isList(value) ? ARRAY_VALUE : KVLIST_VALUE);
  const start = out.open(1);
  if (isList(value)) for (const each of value) writeValue(out, VALUES, each, depth + 1);
  else writePairs(out, VALUES, value, depth + 1);
  out.close(start, 1);
}
