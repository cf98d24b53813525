import type { Json, JsonObject } from "@sluice/sdk";
import { numberOf } from "@sluice/sdk/internal";
import { isBigInt64 } from "./any-value.ts";
import type { WritableAttributes } from "./profile.ts";
import type { AttributeValue } from "./span.ts";

/**
 * More leaves than this are told as one JSON text: OpenTelemetry's SDKs and several backends keep 128
 * attributes of a span, and what a user put into metadata must not push out what the run itself says.
 */
const LEAVES_MAX = 64;
const WHOLE_NUMBER = /^-?\d{1,19}$/;

/**
 * A JSON value as one attribute. OpenTelemetry knows scalars, and lists of scalars of one type; backends drop
 * what is nested. So anything else goes as its JSON text.
 */
export function attributeOf(value: Json): AttributeValue {
  if (isScalar(value)) return scalarOf(value);
  return isList(value) && isUniform(value) ? value.map(scalarOf) : JSON.stringify(value);
}

/**
 * Spreads an object over attributes: `{a: {b: 1}}` is `prefix.a.b` = 1. Null and what is absent are left out.
 */
export function spread(attributes: WritableAttributes, prefix: string, object: JsonObject): void {
  const leaves: [name: string, value: Json][] = [];
  collect(leaves, prefix, object);
  if (leaves.length > LEAVES_MAX) attributes[prefix] = JSON.stringify(object);
  else for (const [name, value] of leaves) attributes[name] = attributeOf(value);
}

function collect(leaves: [string, Json][], prefix: string, object: JsonObject): void {
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value === undefined || value === null) continue;
    const name = `${prefix}.${key}`;
    if (isScalar(value) || isList(value)) leaves.push([name, value]);
    else collect(leaves, name, value as JsonObject);
  }
}

function isScalar(value: Json): boolean {
  return typeof value !== "object" || value === null || numberOf(value) !== undefined;
}

/** Of one type, and none of them null: such lists are what an attribute may be. */
function isUniform(list: readonly Json[]): boolean {
  const typeOf = (value: Json) => (numberOf(value) === undefined ? typeof value : "number");
  const type = typeOf(list[0] ?? "");
  return type !== "object" && list.every((value) => typeOf(value) === type);
}

/** A number that kept its text is an integer of 64 bits where it has the form of one, else a double. */
function scalarOf(value: Json): AttributeValue {
  if (typeof value !== "object" || value === null) return value as AttributeValue;
  const text = JSON.stringify(value);
  if (WHOLE_NUMBER.test(text) && isBigInt64(BigInt(text))) return BigInt(text);
  return Number(text);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
