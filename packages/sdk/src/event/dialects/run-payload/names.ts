import type { JsonObject } from "../../event.ts";

export type RunPayload = JsonObject;

export const RUN_PAYLOAD = "run-payload";
/** Events that have no kind of their own get one that says where they come from. */
export const CUSTOM_PREFIX = "run_payload.";
/** The one type that is spelled differently. */
export const EMBED = "embed";
export const EMBEDDING = "embedding";
