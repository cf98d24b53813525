import type { Field, Message } from "../../sinks/otlp/table.ts";
import { Malformed } from "./malformed.ts";
import { integerOf } from "./read-proto.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a message of OTLP/JSON by its table, as strictly as the protocol has it: names in lowerCamelCase, ids
 * in hex, enums as integers, 64 bits as decimal text or as a number. Unknown fields are passed over.
 */
export function readJson(value: unknown, message: Message): Record<string, unknown> {
  const object = objectOf(value, "a message");
  const read: Record<string, unknown> = {};
  for (const field of message.fields) {
    const given = object[field.name];
    if (given !== undefined && given !== null) read[field.name] = fieldValue(field, given);
  }
  return read;
}

function fieldValue(field: Field, given: unknown): unknown {
  switch (field.kind) {
    case "id":
      if (typeof given === "string" && /^[\da-f]*$/i.test(given)) return given.toLowerCase();
      throw new Malformed(`${field.name} is not hex`);
    case "text":
      if (typeof given === "string") return given;
      throw new Malformed(`${field.name} is not a string`);
    case "varint":
    case "fixed32":
      if (Number.isInteger(given)) return given;
      throw new Malformed(`${field.name} is not an integer`);
    case "nanos":
      return wholeOf(given, field.name);
    case "pairs":
      return listOf(given, field.name).map(pairOf);
    case "one":
      return readJson(given, field.message);
    case "many":
      return listOf(given, field.name).map((each) => readJson(each, field.message));
  }
}

function pairOf(given: unknown): [key: string, value: unknown] {
  const { key = "", value } = objectOf(given, "an attribute");
  if (typeof key !== "string") throw new Malformed("the key of an attribute is not a string");
  return [key, value === undefined || value === null ? null : anyValueOf(value)];
}

function anyValueOf(given: unknown): unknown {
  const [name, value] = Object.entries(objectOf(given, "a value"))[0] ?? [];
  switch (name) {
    case undefined:
      return null;
    case "stringValue":
    case "boolValue":
      return value;
    case "intValue":
      return integerOf(wholeOf(value, name));
    case "doubleValue":
      return Number(value);
    case "arrayValue":
      return listOf(objectOf(value, name).values ?? [], name).map(anyValueOf);
    case "kvlistValue":
      return Object.fromEntries(listOf(objectOf(value, name).values ?? [], name).map(pairOf));
    case "bytesValue":
      return Uint8Array.from(Buffer.from(String(value), "base64"));
    default:
      throw new Malformed(`${name} is no form of a value`);
  }
}

function wholeOf(given: unknown, name: string): bigint {
  if (typeof given === "string" && /^-?\d{1,20}$/.test(given)) return BigInt(given);
  if (typeof given === "number" && Number.isInteger(given)) return BigInt(given);
  throw new Malformed(`${name} is not a whole number`);
}

function objectOf(value: unknown, name: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new Malformed(`${name} is not an object`);
}

function listOf(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Malformed(`${name} is not a list`);
}
