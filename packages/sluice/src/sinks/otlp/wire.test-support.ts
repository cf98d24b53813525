/**
 * A reader of requests that knows nothing of our tables: it is written from the .proto files. What it reads
 * is told in OTLP/JSON.
 */

export interface WireField {
  readonly tag: number;
  /** The value without tag and length. */
  readonly payload: Buffer;
  /** All of it. */
  readonly raw: Buffer;
}

/** Throws where the bytes are no message, or a varint is longer than it must be. */
export function readFields(bytes: Buffer): readonly WireField[] {
  const fields: WireField[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    const tagEnd = varintEnd(bytes, at);
    const tag = Number(bigVarint(bytes.subarray(at, tagEnd)));
    at = tagEnd;
    const wireType = tag & 7;
    let length = { 1: 8, 5: 4 }[wireType];
    if (wireType === 0) length = varintEnd(bytes, at) - at;
    if (wireType === 2) {
      const lengthEnd = varintEnd(bytes, at);
      length = Number(bigVarint(bytes.subarray(at, lengthEnd)));
      at = lengthEnd;
    }
    if (length === undefined || at + length > bytes.length) throw new Error(`no field at ${start}`);
    fields.push({ tag, payload: bytes.subarray(at, at + length), raw: bytes.subarray(start, at + length) });
    at += length;
  }
  return fields;
}

function varintEnd(bytes: Buffer, start: number): number {
  for (let end = start; end < start + 10; end++) {
    const byte = bytes[end];
    if (byte === undefined) return end;
    if (byte === 0 && end > start) throw new Error(`the varint at ${start} is too long`);
    if (byte < 0x80) return end + 1;
  }
  throw new Error(`the varint at ${start} does not end`);
}

function bigVarint(bytes: Buffer): bigint {
  return bytes.reduce((sum, byte, index) => sum | (BigInt(byte & 0x7f) << BigInt(7 * index)), 0n);
}

type Read = (payload: Buffer) => unknown;
/** Name, reader, and whether there may be several. */
type Readers = Record<number, readonly [name: string, read: Read, isList?: true]>;

const hex: Read = (payload) => payload.toString("hex");
const text: Read = (payload) => payload.toString("utf8");
const int: Read = (payload) => Number(bigVarint(payload));
const fixed32: Read = (payload) => payload.readUInt32LE();
const nanos: Read = (payload) => String(payload.readBigUInt64LE());

function message(readers: () => Readers): Read {
  return (payload) => {
    const json: Record<string, unknown> = {};
    for (const field of readFields(payload)) {
      const [name, read, isList] = readers()[field.tag >> 3] ?? [];
      if (!name || !read) throw new Error(`field ${field.tag >> 3} is unknown`);
      const value = read(field.payload);
      if (!isList && name in json) throw new Error(`${name} is there twice`);
      json[name] = isList ? [...((json[name] as unknown[]) ?? []), value] : value;
    }
    return json;
  };
}

const double: Read = (payload) => {
  const value = payload.readDoubleLE();
  return Number.isFinite(value) ? value : String(value);
};

const anyValue: Read = message(() => ({
  1: ["stringValue", text],
  2: ["boolValue", (payload) => payload[0] === 1],
  3: ["intValue", (payload) => String(BigInt.asIntN(64, bigVarint(payload)))],
  4: ["doubleValue", double],
  5: ["arrayValue", valuesOf(anyValue)],
  6: ["kvlistValue", valuesOf(keyValue)],
  7: ["bytesValue", (payload) => payload.toString("base64")],
}));

const keyValue: Read = (payload) => ({
  key: "",
  ...(message(() => ({ 1: ["key", text], 2: ["value", anyValue] }))(payload) as object),
});

function valuesOf(read: Read): Read {
  return (payload) => ({ values: readFields(payload).map((field) => read(field.payload)) });
}

const event = message(() => ({
  1: ["timeUnixNano", nanos],
  2: ["name", text],
  3: ["attributes", keyValue, true],
  4: ["droppedAttributesCount", int],
}));

const link = message(() => ({
  1: ["traceId", hex],
  2: ["spanId", hex],
  3: ["traceState", text],
  4: ["attributes", keyValue, true],
  5: ["droppedAttributesCount", int],
  6: ["flags", fixed32],
}));

const span = message(() => ({
  1: ["traceId", hex],
  2: ["spanId", hex],
  3: ["traceState", text],
  4: ["parentSpanId", hex],
  5: ["name", text],
  6: ["kind", int],
  7: ["startTimeUnixNano", nanos],
  8: ["endTimeUnixNano", nanos],
  9: ["attributes", keyValue, true],
  10: ["droppedAttributesCount", int],
  11: ["events", event, true],
  12: ["droppedEventsCount", int],
  13: ["links", link, true],
  14: ["droppedLinksCount", int],
  15: ["status", message(() => ({ 2: ["message", text], 3: ["code", int] }))],
  16: ["flags", fixed32],
}));

const resource = message(() => ({
  1: ["attributes", keyValue, true],
  2: ["droppedAttributesCount", int],
}));

const scope = message(() => ({
  1: ["name", text],
  2: ["version", text],
  3: ["attributes", keyValue, true],
  4: ["droppedAttributesCount", int],
}));

const scopeSpans = message(() => ({
  1: ["scope", scope],
  2: ["spans", span, true],
  3: ["schemaUrl", text],
}));

const resourceSpans = message(() => ({
  1: ["resource", resource],
  2: ["scopeSpans", scopeSpans, true],
  3: ["schemaUrl", text],
}));

export const readRequest: Read = message(() => ({ 1: ["resourceSpans", resourceSpans, true] }));
