import type { Field, Message } from "../../sinks/otlp/table.ts";
import { Malformed } from "./malformed.ts";

/** One field on the wire: its number, and its value as its wire type has it. */
interface WireField {
  readonly number: number;
  readonly wireType: number;
  readonly value: bigint | Buffer;
}

/** Reads a message by its table: field names and plain values. Unknown fields are passed over. */
export function readProto(bytes: Buffer, message: Message): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const wire of fieldsOf(bytes)) {
    const field = message.fields.find(({ tag }) => tag >> 3 === wire.number);
    if (!field) continue;
    if ((field.tag & 7) !== wire.wireType)
      throw new Malformed(`${field.name} has the wire type ${wire.wireType}`);
    const value = fieldValue(field, wire.value);
    const isList = field.kind === "many" || field.kind === "pairs";
    if (!isList) read[field.name] = value;
    else if (Array.isArray(read[field.name])) (read[field.name] as unknown[]).push(value);
    else read[field.name] = [value];
  }
  return read;
}

function fieldValue(field: Field, value: bigint | Buffer): unknown {
  if (typeof value === "bigint") return field.kind === "nanos" ? value : Number(value);
  switch (field.kind) {
    case "id":
      return value.toString("hex");
    case "text":
      return textOf(value);
    case "pairs":
      return pairOf(value);
    case "one":
    case "many":
      return readProto(value, field.message);
    default:
      throw new Malformed(`${field.name} is no ${field.kind}`);
  }
}

/** A KeyValue. */
function pairOf(bytes: Buffer): [key: string, value: unknown] {
  let key = "";
  let value: unknown = null;
  for (const { number, value: given } of fieldsOf(bytes)) {
    if (number === 1 && typeof given === "object") key = textOf(given);
    if (number === 2 && typeof given === "object") value = anyValueOf(given);
  }
  return [key, value];
}

/** An AnyValue, by the number of the one field that it has. */
function anyValueOf(bytes: Buffer): unknown {
  let read: unknown = null;
  for (const { number, wireType, value } of fieldsOf(bytes)) {
    if (typeof value === "bigint") {
      if (number === 2) read = value !== 0n;
      if (number === 3) read = integerOf(BigInt.asIntN(64, value));
      if (number === 4 && wireType === 1) read = doubleOf(value);
      continue;
    }
    if (number === 1) read = textOf(value);
    if (number === 5) read = inside(value).map(anyValueOf);
    if (number === 6) read = Object.fromEntries(inside(value).map(pairOf));
    if (number === 7) read = Uint8Array.from(value);
  }
  return read;
}

/** The values of an ArrayValue or a KeyValueList. */
function inside(bytes: Buffer): readonly Buffer[] {
  return [...fieldsOf(bytes)].flatMap(({ number, value }) =>
    number === 1 && typeof value === "object" ? [value] : [],
  );
}

export function integerOf(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function doubleOf(bits: bigint): number {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(bits);
  return bytes.readDoubleLE();
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed("a string is not UTF-8");
  }
}

function* fieldsOf(bytes: Buffer): Iterable<WireField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Malformed("a number does not end");
  };
  const take = (sizeBytes: number): Buffer => {
    const taken = bytes.subarray(at, at + sizeBytes);
    if (taken.length < sizeBytes) throw new Malformed("a field is longer than its message");
    at += sizeBytes;
    return taken;
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [number, wireType] = [Math.floor(tag / 8), tag & 7];
    if (number === 0) throw new Malformed("a field has the number 0");
    switch (wireType) {
      case 0:
        yield { number, wireType, value: varint() };
        break;
      case 1:
        yield { number, wireType, value: take(8).readBigUInt64LE() };
        break;
      case 2:
        yield { number, wireType, value: take(Number(varint())) };
        break;
      case 5:
        yield { number, wireType, value: BigInt(take(4).readUInt32LE()) };
        break;
      default:
        throw new Malformed(`a field has the wire type ${wireType}`);
    }
  }
}
