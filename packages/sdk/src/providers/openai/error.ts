import type { JsonObject, RunError } from "../../event/event.ts";
import { objectOf, textOf } from "./wire.ts";

/**
 * What went wrong, as OpenAI and its kin say it: `{error: {message, type, code, param}}` in a body or in the
 * middle of a stream, `{error: "text"}`, or the responses stream's own `{type: "error", message, code}`.
 * Undefined: it is no error.
 */
export function errorOf(body: JsonObject | undefined): RunError | undefined {
  if (body === undefined) return undefined;
  const error = body.error;
  if (typeof error === "string") return { message: error };
  const inner = objectOf(error);
  if (inner !== undefined) return errorFrom(inner);
  return body.type === "error" ? errorFrom(body) : undefined;
}

/** Reads an error object itself. */
export function errorFrom(error: JsonObject): RunError {
  // In the responses stream `type` says that the event is an error, not which.
  const type = error.type === "error" ? undefined : textOf(error.type);
  const code = typeof error.code === "number" ? String(error.code) : textOf(error.code);
  return {
    message: textOf(error.message) ?? "The provider gave no message.",
    ...(type !== undefined && { type }),
    ...(code !== undefined && { code }),
  };
}
