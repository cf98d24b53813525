import type { Json, JsonObject } from "../event.ts";
import { isPayloadObject } from "./foreign.ts";

/** Spread into an object: the field if there is a value, else nothing. */
export function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });
}

/** The same for a field that must be an object. */
export function givenObject<Name extends string>(
  name: Name,
  value: Json | undefined,
): { readonly [Key in Name]?: JsonObject } {
  return given(name, isPayloadObject(value) ? value : undefined);
}
