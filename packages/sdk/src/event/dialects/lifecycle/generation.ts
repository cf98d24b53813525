import type { Json, JsonObject, Run, Usage } from "../../event.ts";
import { completionTokensOf, promptTokensOf } from "../../token-totals.ts";
import type { IncomingEvent } from "../../validate.ts";

/** The messages of a request: a list as it is, one prompt as one message, nothing as nothing. */
export function messagesOf(input: Json | undefined): readonly Json[] | undefined {
  if (input === undefined || input === null) return undefined;
  return isList(input) ? input : [input];
}

/** The text that people read in a message, a prompt, or a list of them; undefined where there is none. */
export function textOf(value: Json | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return undefined;
  if (isList(value)) {
    const texts = value.map(textOf).filter((text) => text !== undefined);
    return texts.length === 0 ? undefined : texts.join("\n");
  }
  return textOf(value.content ?? value.text);
}

/** A list of choices counts each; a list of output items (responses) is one answer. */
export function choicesOf(output: Json | undefined, operation: string | undefined): number | undefined {
  if (output === undefined) return undefined;
  return isList(output) && operation !== "responses" ? output.length : 1;
}

/**
 * The emitter's metadata object, keys in its order. What the event already says in these words wins; the rest
 * is what the run knows. Metadata with other names goes to `custom_fields`, where values are text, together
 * with the token counts.
 */
export function llmMetadata(event: IncomingEvent, run: Run): JsonObject | undefined {
  const params = run.request?.params ?? {};
  const own = event.metadata ?? {};
  const known: JsonObject = {
    model_version: own.model_version ?? run.response?.model,
    max_tokens:
      own.max_tokens ?? params.max_tokens ?? params.max_completion_tokens ?? params.max_output_tokens,
    top_p: own.top_p ?? params.top_p,
    frequency_penalty: own.frequency_penalty ?? params.frequency_penalty,
    presence_penalty: own.presence_penalty ?? params.presence_penalty,
    stop_sequences: own.stop_sequences ?? listOf(params.stop),
    user: own.user ?? (event.scope?.kind === "user" ? event.scope.id : undefined),
  };
  const custom = customFields(own, known, run.usage);
  const all: JsonObject = { ...known, custom_fields: Object.keys(custom).length > 0 ? custom : undefined };
  return Object.values(all).some((value) => value !== undefined) ? all : undefined;
}

function customFields(own: JsonObject, known: JsonObject, usage: Usage | undefined): JsonObject {
  const custom = Object.entries(own).flatMap(([key, value]): [string, string][] => {
    if (Object.hasOwn(known, key) || key === "custom_fields" || value === undefined) return [];
    return [[key, typeof value === "string" ? value : JSON.stringify(value)]];
  });
  const input = promptTokensOf(usage);
  const output = completionTokensOf(usage);
  if (input !== undefined) custom.push(["input_tokens", String(input)]);
  if (output !== undefined) custom.push(["output_tokens", String(output)]);
  const given = own.custom_fields;
  const isObject = typeof given === "object" && given !== null && !isList(given);
  // From entries and not by assignment: the keys are somebody else's, and `__proto__` is one like any other.
  return { ...(isObject && given), ...Object.fromEntries(custom) };
}

function listOf(value: Json | undefined): Json | undefined {
  return value === undefined || value === null || isList(value) ? (value ?? undefined) : [value];
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
