import { NAME_CHARS_MAX } from "../event/limits.ts";
import type { RunFacts } from "./active-run.ts";
import { snapshot } from "./snapshot.ts";

/**
 * A copy of the facts. Names longer than an event may hold are cut, and empty ones left out: a call is not
 * lost because its model has a silly name.
 */
export function factsOf(facts: RunFacts): RunFacts {
  const { name, request, ...rest } = snapshot(facts);
  if (request === undefined) return { ...named("name", name), ...rest };
  const { model, ...asked } = request;
  return { ...named("name", name), ...rest, request: { ...named("model", model), ...asked } };
}

export function named<Name extends string>(key: Name, value: unknown): { readonly [key in Name]?: string } {
  const text = clip(value);
  return text === undefined ? {} : ({ [key]: text } as { readonly [key in Name]: string });
}

/** A name that an event may hold; undefined for what is none. */
export function clip(name: unknown): string | undefined {
  return typeof name === "string" && name !== "" ? name.slice(0, NAME_CHARS_MAX) : undefined;
}
