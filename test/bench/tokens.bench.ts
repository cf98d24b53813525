import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { countText } from "../../packages/sluice/src/tokens/count-text.ts";
import { compare, interleave, type Measurement } from "./measure.ts";

/**
 * What counting a token costs (o200k_base), against gpt-tokenizer: CPU time of this process, in random order
 * each round, over the prose and the code of this repository in slices of 10 KB. A round has slices of its
 * own, so that a cache helps as it would in traffic. Then 100 KB of one letter, once: it takes gpt-tokenizer
 * seconds.
 */
const ROUNDS = 9;
const SLICE_CHARS = 10_000;
const WARM_UP = "The quick brown fox jumps over the lazy dog. ".repeat(2_000);

export async function* cases(): AsyncIterable<Measurement> {
  for (const count of [ours, theirs]) count(WARM_UP);
  yield await measure("English", textOf("{docs/**/*.md,*.md}"), ROUNDS);
  yield await measure("code", textOf("packages/*/src/**/*.ts"), ROUNDS);
  yield await measure("100 KB of one letter", ["a".repeat(100_000)], 1);
}

async function measure(name: string, slices: readonly string[], rounds: number): Promise<Measurement> {
  const cost = (count: (text: string) => number) => {
    let round = 0;
    return async () => {
      const part = slices.filter((_, index) => index % rounds === round);
      round++;
      const before = process.cpuUsage();
      let tokens = 0;
      for (const slice of part) tokens += count(slice);
      const { user, system } = process.cpuUsage(before);
      return ((user + system) * 1_000) / tokens;
    };
  };
  const figures = await interleave(rounds, { ours: cost(ours), theirs: cost(theirs) });
  return compare(name, "cpu ns/token", figures.ours, figures.theirs);
}

function ours(text: string): number {
  return countText(text, "o200k_base");
}

function theirs(text: string): number {
  return countTokens(text, { disallowedSpecial: new Set<string>() });
}

function textOf(pattern: string): readonly string[] {
  const root = join(import.meta.dirname, "../..");
  const text = globSync(pattern, { cwd: root })
    .sort()
    .map((file) => readFileSync(join(root, file), "utf8"))
    .join("\n");
  const count = Math.floor(text.length / SLICE_CHARS);
  return Array.from({ length: count }, (_, index) =>
    text.slice(index * SLICE_CHARS, (index + 1) * SLICE_CHARS),
  );
}
