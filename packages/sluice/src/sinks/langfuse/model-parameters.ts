import type { Json, JsonObject } from "@sluice/sdk";
import { numberOf } from "@sluice/sdk/internal";

export type ModelParameters = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/**
 * The parameters of a call in the forms that Langfuse takes: texts, numbers, booleans and lists of texts. Any
 * other value (tools, a schema, a list of numbers) would fail the whole item at its ingestion route; it goes
 * as its JSON text. Undefined where nothing is left.
 */
export function modelParametersOf(params: JsonObject | undefined): ModelParameters | undefined {
  const flat = Object.entries(params ?? {}).flatMap(([key, value]) =>
    value === undefined || value === null ? [] : [[key, flatOf(value)] as const],
  );
  return flat.length > 0 ? Object.fromEntries(flat) : undefined;
}

function flatOf(value: NonNullable<Json>): ModelParameters[string] {
  if (typeof value === "string" || typeof value === "boolean") return value;
  const number = numberOf(value);
  // What a double cannot hold (1e400) would arrive as infinity, which is no number to its schema.
  if (number !== undefined) return Number.isFinite(number) ? number : JSON.stringify(value);
  return isTexts(value) ? value : JSON.stringify(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
