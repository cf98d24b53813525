import type { JsonObject, Usage } from "../../event/event.ts";
import { endOfValue } from "../json-members.ts";
import { objectOf, parseObject } from "./wire.ts";

/**
 * OpenAI's usage in disjoint buckets. OpenAI counts totals and says "of which": every detail is part of its
 * total, so it is taken out there. Only buckets that the provider spoke of are there; undefined when it gave
 * no number at all. Reads both spellings: prompt and completion (chat, completions, embeddings), input and
 * output (responses).
 */
export function usageOf(value: unknown): Usage | undefined {
  const raw = objectOf(value);
  if (raw === undefined) return undefined;
  const inputTotal = countOf(raw, "prompt_tokens") ?? countOf(raw, "input_tokens");
  const outputTotal = countOf(raw, "completion_tokens") ?? countOf(raw, "output_tokens");
  if (inputTotal === undefined && outputTotal === undefined) return undefined;
  const inputDetails = objectOf(raw.prompt_tokens_details) ?? objectOf(raw.input_tokens_details);
  const outputDetails = objectOf(raw.completion_tokens_details) ?? objectOf(raw.output_tokens_details);
  const cacheRead = countOf(inputDetails, "cached_tokens");
  const cacheWrite5m = countOf(inputDetails, "cache_write_tokens");
  const audioInput = countOf(inputDetails, "audio_tokens");
  const reasoning = countOf(outputDetails, "reasoning_tokens");
  const audioOutput = countOf(outputDetails, "audio_tokens");
  const input = without(inputTotal, cacheRead, cacheWrite5m, audioInput);
  const output = without(outputTotal, reasoning, audioOutput);
  const usage: Record<string, number> = {};
  if (input !== undefined) usage.input = input;
  if (cacheRead !== undefined) usage.cacheRead = cacheRead;
  // OpenAI names no lifetime; its cache lives for minutes.
  if (cacheWrite5m !== undefined) usage.cacheWrite5m = cacheWrite5m;
  if (output !== undefined) usage.output = output;
  if (reasoning !== undefined) usage.reasoning = reasoning;
  if (audioInput !== undefined) usage.audioInput = audioInput;
  if (audioOutput !== undefined) usage.audioOutput = audioOutput;
  return { ...usage, source: "provider", raw };
}

/** The usage in the last part of an answer that was too long to keep. */
export function usageInTail(tail: string): Usage | undefined {
  const at = tail.lastIndexOf('"usage"');
  if (at < 0) return undefined;
  const open = tail.indexOf("{", at);
  if (open < 0 || !/^\s*:\s*$/.test(tail.slice(at + '"usage"'.length, open))) return undefined;
  const end = endOfValue(tail, open);
  return end < 0 ? undefined : usageOf(parseObject(tail.slice(open, end)));
}

function countOf(counts: JsonObject | undefined, name: string): number | undefined {
  const count = counts?.[name];
  return typeof count === "number" && Number.isFinite(count) && count >= 0 ? count : undefined;
}

/** A provider whose details do not add up gets 0 for what is left, never a negative count. */
function without(total: number | undefined, ...parts: readonly (number | undefined)[]): number | undefined {
  if (total === undefined) return undefined;
  let left = total;
  for (const part of parts) left -= part ?? 0;
  return Math.max(0, left);
}
