import type { Usage } from "../../event/event.ts";
import { totalOf } from "../../event/token-totals.ts";
import { objectOf } from "../openai/wire.ts";
import { readAnthropic } from "./anthropic.ts";
import { readCohere } from "./cohere.ts";
import { Counts } from "./counts.ts";
import { readGenerate, readInteractions } from "./google.ts";
import { readLmStudio, readLmStudioPackage, readOllama } from "./local.ts";
import { readOpenai } from "./openai.ts";
import type { UsageReading } from "./reading.ts";

interface Shape {
  /** Any of these members tells the shape; the first that fits is it. */
  readonly marks: readonly string[];
  readonly read: (counts: Counts) => UsageReading;
}

/**
 * A usage object is known by its members and not by who sent it: servers speak each other's formats. OpenAI's
 * chat stands before Anthropic's, whose names some gateways add to it, and OpenAI's responses behind it,
 * because they share two names.
 */
const SHAPES: readonly Shape[] = [
  { marks: ["prompt_tokens", "completion_tokens"], read: readOpenai },
  {
    marks: [
      ...["cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"],
      ...["server_tool_use", "iterations"],
    ],
    read: readAnthropic,
  },
  {
    marks: ["promptTokenCount", "candidatesTokenCount", "responseTokenCount", "thoughtsTokenCount"],
    read: readGenerate,
  },
  { marks: ["total_input_tokens", "total_thought_tokens"], read: readInteractions },
  { marks: ["total_output_tokens"], read: readLmStudio },
  { marks: ["billed_units", "tokens"], read: readCohere },
  { marks: ["prompt_eval_count", "eval_count"], read: readOllama },
  { marks: ["promptTokensCount", "predictedTokensCount"], read: readLmStudioPackage },
  { marks: ["input_tokens", "output_tokens"], read: readOpenai },
];

/**
 * A provider's usage object in disjoint buckets. Only buckets that it spoke of are there; undefined when it
 * gave no count at all, or none that an event may carry. Where its counts contradict each other, `flags`
 * says so. Never throws, and no bucket is ever negative or more than an event may carry, whatever the object
 * holds.
 */
export function usageOf(value: unknown): Usage | undefined {
  const given = objectOf(value);
  if (given === undefined) return undefined;
  const shape = SHAPES.find(({ marks }) => marks.some((mark) => Object.hasOwn(given, mark)));
  if (shape === undefined) return undefined;
  const counts = new Counts(given);
  const { buckets, total, raw = given } = shape.read(counts);
  const sum = totalOf(...Object.values(buckets));
  if (sum === undefined) return undefined;
  if (total !== undefined && sum !== total) counts.flags.add("total");
  const known = Object.entries(buckets).filter(([, count]) => counts.isCount(count));
  if (known.length === 0) return undefined;
  const flags = counts.flags.size > 0 && { flags: [...counts.flags] };
  return { ...Object.fromEntries(known), source: "provider", ...flags, raw };
}
