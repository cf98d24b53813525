import type { Json, RunError } from "../event.ts";
import { isPayloadObject } from "./foreign.ts";

/**
 * A foreign error, which is a text, an object with a message, or anything at all; undefined if there is none.
 * The sender's own object is taken as it is, so that what else it has survives, unless it has a known field
 * in a form of its own.
 */
export function toRunError(error: Json | undefined): RunError | undefined {
  if (error === undefined || error === null) return undefined;
  if (typeof error === "string") return { message: error };
  if (!isPayloadObject(error) || typeof error.message !== "string") return { message: JSON.stringify(error) };
  const { message, stack, type, code } = error;
  const areTexts = [stack, type, code].every((part) => part === undefined || typeof part === "string");
  return areTexts ? (error as unknown as RunError) : { message };
}
