import type { JsonObject } from "../event.ts";
import { bus } from "./bus/bus.ts";
import { business } from "./business/business.ts";
import type { Dialect } from "./dialect.ts";
import { lifecycle } from "./lifecycle/lifecycle.ts";
import { runPayload } from "./run-payload/run-payload.ts";
import { stream } from "./stream/stream.ts";

/** All foreign forms, sorted by name. */
export const DIALECTS: readonly Dialect[] = [bus, business, lifecycle, runPayload, stream];

export function dialectNamed(name: string): Dialect | undefined {
  return DIALECTS.find((dialect) => dialect.name === name);
}

/** The forms that an object could be in. More than one: only the sender knows. */
export function dialectsOf(payload: JsonObject): readonly Dialect[] {
  return DIALECTS.filter((dialect) => dialect.matches(payload));
}
