import { Environment } from "@marcbachmann/cel-js";
import type { Event } from "@sluice/sdk";

/**
 * Conditions over the fields of an event, in CEL (cel.dev), which people know from Kubernetes and Google
 * Cloud. The one variable is `event`, as it is written in JSON:
 *
 *   event.kind == "run.ended" && event.run.usage.output > 1000
 *   "beta" in event.tags || event.run.?request.?model.orValue("").startsWith("gpt-")
 *
 * A condition that cannot be answered, as over a field that an event does not have, does not hold.
 */
const environment = new Environment({ enableOptionalTypes: true }).registerVariable("event", "map");

/** @throws an Error of the parser; see `problemOf`. */
export function createWhere(expression: string): (event: Event) => boolean {
  const evaluate = environment.parse(expression);
  return (event) => {
    try {
      return evaluate({ event }) === true;
    } catch {
      return false;
    }
  };
}

/** Why an expression is no condition, with the place; undefined if it is one. */
export function problemOf(expression: string): string | undefined {
  try {
    const { valid, type, error } = environment.parse(expression).check();
    if (!valid) return error?.message ?? "it does not fit together";
    return type === "bool" || type === "dyn" ? undefined : `it is of type ${type}, not bool`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
