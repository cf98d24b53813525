import type { JsonObject } from "../../event/event.ts";
import { totalOf } from "../../event/token-totals.ts";
import { objectOf } from "../openai/wire.ts";
import type { Counts } from "./counts.ts";
import type { Buckets, UsageReading } from "./reading.ts";

/**
 * Anthropic's. Its `input_tokens` are without what its cache read and wrote, which stand beside them;
 * thinking is part of the output. There is no total. A message that took several calls lists them as
 * `iterations`.
 */
export function readAnthropic(counts: Counts): UsageReading {
  const input = counts.of("input_tokens");
  const cacheRead = counts.of("cache_read_input_tokens");
  const whole = counts.of("output_tokens");
  const reasoning = counts.under("output_tokens_details").of("thinking_tokens");
  const output = counts.rest(whole, reasoning);
  flagIterations(counts, input, whole);
  return {
    total: counts.of("total_tokens"),
    buckets: { input, cacheRead, ...cacheWritesOf(counts), output, reasoning },
  };
}

/**
 * The final usage of a stream has what was written, but not for how long; that stands at its beginning. What
 * no lifetime is given for lives for five minutes, as a cache does unless somebody asks for more.
 */
function cacheWritesOf(counts: Counts): Buckets {
  const byLifetime = counts.under("cache_creation");
  const fiveMinutes = byLifetime.of("ephemeral_5m_input_tokens");
  const cacheWrite1h = byLifetime.of("ephemeral_1h_input_tokens");
  const parts = totalOf(fiveMinutes, cacheWrite1h);
  const written = counts.of("cache_creation_input_tokens");
  if (written === undefined) return { cacheWrite5m: fiveMinutes, cacheWrite1h };
  counts.agreed(written, parts);
  return { cacheWrite5m: counts.rest(written, cacheWrite1h), cacheWrite1h };
}

/** The first call of two may have been another model's: one sum of both would have no price. */
function flagIterations(counts: Counts, input: number | undefined, output: number | undefined): void {
  const calls = counts.list("iterations");
  if (calls.length === 0) return;
  const inputs = totalOf(...calls.map((call) => call.of("input_tokens")));
  const outputs = totalOf(...calls.map((call) => call.of("output_tokens")));
  if (inputs !== input || outputs !== output) counts.flags.add("iterations");
}

/**
 * The usage of a stream so far, and what `message_delta` adds. It counts from the beginning of the message,
 * so the later count wins; null says nothing.
 */
export function mergeMessageUsage(earlier: unknown, later: unknown): JsonObject | undefined {
  const before = objectOf(earlier);
  const after = objectOf(later);
  if (before === undefined || after === undefined) return after ?? before;
  const said = Object.entries(after).filter(([, value]) => value !== null);
  return { ...before, ...Object.fromEntries(said) };
}
