import type { Json, JsonObject, Run } from "@sluice/sdk";
import { listOf, numberOf, objectOf } from "@sluice/sdk/internal";
import { attributeOf } from "./attribute-value.ts";
import type { WritableAttributes } from "./profile.ts";

/** `gen_ai.request.*` of semconv v1.41, each with the names that providers have for it; the first one counts. */
const NUMBERS: readonly (readonly [attribute: string, names: readonly string[]])[] = [
  [
    "gen_ai.request.max_tokens",
    ["max_completion_tokens", "max_output_tokens", "max_tokens", "maxOutputTokens", "num_predict"],
  ],
  ["gen_ai.request.temperature", ["temperature"]],
  ["gen_ai.request.top_p", ["top_p", "topP"]],
  ["gen_ai.request.top_k", ["top_k", "topK"]],
  ["gen_ai.request.frequency_penalty", ["frequency_penalty", "frequencyPenalty"]],
  ["gen_ai.request.presence_penalty", ["presence_penalty", "presencePenalty"]],
  ["gen_ai.request.seed", ["seed"]],
  ["gen_ai.request.choice.count", ["n", "candidateCount"]],
  ["gen_ai.embeddings.dimension.count", ["dimensions", "outputDimensionality"]],
];
const LISTS: readonly (readonly [attribute: string, names: readonly string[]])[] = [
  ["gen_ai.request.stop_sequences", ["stop", "stop_sequences", "stopSequences"]],
  ["gen_ai.request.encoding_formats", ["encoding_format"]],
];

/** Where Gemini and Ollama keep what the others have on the first level. */
const NESTED = ["generationConfig", "config", "options"] as const;

/** Of what a run was asked: all but its content. A parameter of another form than its name says is left out. */
export function putRequest(attributes: WritableAttributes, run: Run): void {
  const { params, stream } = run.request ?? {};
  if (stream !== undefined) attributes["gen_ai.request.stream"] = stream;
  if (params === undefined) return;
  const nested = NESTED.map((name) => objectOf(params[name])).filter((place) => place !== undefined);
  const places = [params, ...nested];
  for (const [attribute, names] of NUMBERS) {
    const value = firstOf(places, names, (each) => numberOf(each) !== undefined);
    if (value !== undefined) attributes[attribute] = attributeOf(value);
  }
  for (const [attribute, names] of LISTS) {
    const texts = textsOf(firstOf(places, names, (each) => textsOf(each).length > 0));
    if (texts.length > 0) attributes[attribute] = texts;
  }
  const outputType = outputTypeOf(places);
  if (outputType !== undefined) attributes["gen_ai.output.type"] = outputType;
}

function firstOf(
  places: readonly JsonObject[],
  names: readonly string[],
  fits: (value: Json) => boolean,
): Json | undefined {
  for (const place of places) {
    for (const name of names) {
      const value = place[name];
      if (value !== undefined && fits(value)) return value;
    }
  }
  return undefined;
}

function textsOf(value: Json | undefined): readonly string[] {
  if (typeof value === "string") return [value];
  const list = listOf(value);
  return list.every((each) => typeof each === "string") ? list : [];
}

/** What OpenAI's `response_format.type` and `text.format.type` say, in the words of the conventions. */
const FORMATS: ReadonlyMap<string, string> = new Map([
  ["text", "text"],
  ["json_object", "json"],
  ["json_schema", "json"],
]);

function outputTypeOf(places: readonly JsonObject[]): string | undefined {
  for (const place of places) {
    const format = objectOf(place.response_format) ?? objectOf(objectOf(place.text)?.format);
    const type = typeof format?.type === "string" ? FORMATS.get(format.type) : undefined;
    if (type !== undefined) return type;
    if (textsOf(place.modalities).includes("audio")) return "speech";
    if (place.responseMimeType === "application/json" || place.format === "json") return "json";
  }
  return undefined;
}
