/** Reading protobuf's JSON: absent and null are the default, and 64 bits may be a number or a text. */

/** More digits than 64 bits have make no integer, and cost time to read. */
const INTEGER = /^-?\d{1,20}$/;

type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** By its name in JSON, or by that in the .proto file, which a reader has to take as well. */
export function memberOf(object: JsonObject, name: string): unknown {
  const protoName = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return object[name] ?? object[protoName];
}

/** Undefined if it is no integer. */
export function readInteger(value: unknown): bigint | undefined {
  if (value === undefined || value === null) return 0n;
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  return typeof value === "string" && INTEGER.test(value) ? BigInt(value) : undefined;
}

/** Undefined if it is no text. */
export function readText(value: unknown): string | undefined {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : undefined;
}
