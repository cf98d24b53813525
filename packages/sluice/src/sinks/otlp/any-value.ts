import type { AttributeValue } from "./span.ts";

/**
 * Which form of AnyValue a value takes: one decision for both encodings.
 *
 * Nested values have a limit. A list or a map is up to three messages deep in protobuf, and the parsers of
 * C++, Java and Rust refuse a request that is more than 100 deep: one such value would take its whole batch
 * with it. Six levels are gone before the first value; so what is nested deeper than this goes as JSON text.
 */
export const DEPTH_MAX = 30;

const INT64_LIMIT = 2 ** 63;

/** A number that is sent as an integer. Beyond 64 bits there are doubles only. */
export function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -INT64_LIMIT && value < INT64_LIMIT;
}

/** A bigint that has its place in 64 bits. Any other is sent as decimal text, which loses nothing. */
export function isBigInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

export function asJsonText(value: AttributeValue): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === "bigint") return String(inner);
    return inner instanceof Uint8Array ? base64(inner) : inner;
  });
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** `Array.isArray` that keeps what is known of a readonly list. */
export function isList(value: AttributeValue): value is readonly AttributeValue[] {
  return Array.isArray(value);
}
