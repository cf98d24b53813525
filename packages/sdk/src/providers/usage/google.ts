import { totalOf } from "../../event/token-totals.ts";
import type { Counts } from "./counts.ts";
import type { UsageReading } from "./reading.ts";

/** Where one of Google's two interfaces keeps what both count. */
interface Names {
  readonly prompt: string;
  readonly cached: string;
  readonly toolUse: string;
  readonly output: readonly string[];
  readonly thoughts: string;
  readonly total: string;
  /** Lists of `{modality, …}`. */
  readonly promptParts: string;
  readonly cachedParts: string;
  readonly toolUseParts: string;
  readonly outputParts: readonly string[];
  readonly partCount: string;
}

/** Gemini's `usageMetadata`; the live interface says response for candidates. */
const GENERATE: Names = {
  prompt: "promptTokenCount",
  cached: "cachedContentTokenCount",
  toolUse: "toolUsePromptTokenCount",
  output: ["candidatesTokenCount", "responseTokenCount"],
  thoughts: "thoughtsTokenCount",
  total: "totalTokenCount",
  promptParts: "promptTokensDetails",
  cachedParts: "cacheTokensDetails",
  toolUseParts: "toolUsePromptTokensDetails",
  outputParts: ["candidatesTokensDetails", "responseTokensDetails"],
  partCount: "tokenCount",
};

const INTERACTIONS: Names = {
  prompt: "total_input_tokens",
  cached: "total_cached_tokens",
  toolUse: "total_tool_use_tokens",
  output: ["total_output_tokens"],
  thoughts: "total_thought_tokens",
  total: "total_tokens",
  promptParts: "input_tokens_by_modality",
  cachedParts: "cached_tokens_by_modality",
  toolUseParts: "tool_use_tokens_by_modality",
  outputParts: ["output_tokens_by_modality"],
  partCount: "tokens",
};

export function readGenerate(counts: Counts): UsageReading {
  return readGoogle(counts, GENERATE);
}

export function readInteractions(counts: Counts): UsageReading {
  return readGoogle(counts, INTERACTIONS);
}

/**
 * What the cache held is part of the prompt; what tools gave back to the model stands beside it, and so do
 * the thoughts beside the output. The total is of all four.
 */
function readGoogle(counts: Counts, names: Names): UsageReading {
  const cacheRead = counts.of(names.cached);
  const reasoning = counts.of(names.thoughts);
  const heard = totalOf(
    audioOf(counts, names, names.promptParts),
    audioOf(counts, names, names.toolUseParts),
  );
  const audioInput = counts.rest(heard, audioOf(counts, names, names.cachedParts));
  const prompt = totalOf(counts.of(names.prompt), counts.of(names.toolUse));
  const audioOutput = totalOf(...names.outputParts.map((list) => audioOf(counts, names, list)));
  return {
    total: counts.of(names.total),
    buckets: {
      input: counts.rest(prompt, cacheRead, audioInput),
      cacheRead,
      output: counts.rest(counts.of(...names.output), audioOutput),
      reasoning,
      audioInput,
      audioOutput,
    },
  };
}

/** The audio in a list of modalities; undefined where it is not among them. */
function audioOf(counts: Counts, names: Names, list: string): number | undefined {
  const audio = counts.list(list).filter((part) => part.text("modality")?.toUpperCase() === "AUDIO");
  return totalOf(...audio.map((part) => part.of(names.partCount)));
}
