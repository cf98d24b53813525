import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { countText } from "../../packages/sluice/src/tokens/count-text.ts";
import { compare, interleave, type Measurement } from "./measure.ts";

/**
 * What counting a token costs (o200k_base), against gpt-tokenizer: CPU time of this process, in random order
 * each round, over the prose and the code of this repository in slices of 10 KB. A round has slices of its
 * own, so that a cache helps as it would in traffic. Then 100 KB of one letter, once: it takes gpt-tokenizer
 * seconds. Then inputs of 100 KB that are hard on a split or on a merge, each against the time that any may
 * take. The goals stand in the names of the cases; ratios are what they are about.
 */
const ROUNDS = 9;
const SLICE_CHARS = 10_000;
const WARM_UP = "The quick brown fox jumps over the lazy dog. ".repeat(2_000);

export async function* cases(): AsyncIterable<Measurement> {
  for (const count of [ours, theirs]) count(WARM_UP);
  yield await measure("English, ratio ≤ 1", textOf("{docs/**/*.md,*.md}"), ROUNDS);
  yield await measure("code, ratio ≤ 1", textOf("packages/*/src/**/*.ts"), ROUNDS);
  yield await measure("100 KB of one letter, ratio ≤ 1/50", ["a".repeat(HARD_CHARS)], 1);
  for (const [name, text] of Object.entries(hardTexts())) yield hard(`100 KB of ${name}, ratio ≤ 1`, text);
}

const HARD_CHARS = 100_000;
const HARD_MS_MAX = 150;
const HARD_ROUNDS = 5;

/** What people and attackers send that is no prose. As long in bytes, whatever a character takes. */
function hardTexts(): Readonly<Record<string, string>> {
  let seed = 20_261_121;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const ofLetters = (letters: string) => {
    const list = [...letters];
    let text = "";
    while (Buffer.byteLength(text) < HARD_CHARS) {
      for (let index = 0; index < 1_000; index++) text += list[next(list.length)];
    }
    return Buffer.from(text).subarray(0, HARD_CHARS).toString();
  };
  return {
    "one letter": "a".repeat(HARD_CHARS),
    "two letters in turn": "ab".repeat(HARD_CHARS / 2),
    "random letters": ofLetters("abcdefghijklmnopqrstuvwxyz"),
    "random base64": ofLetters("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
    spaces: " ".repeat(HARD_CHARS),
    "line breaks": "\n".repeat(HARD_CHARS),
    digits: ofLetters("0123456789"),
    signs: ofLetters("!#$%&()*+-./:;<=>?@[]^_{|}~"),
    Chinese: ofLetters(
      "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经",
    ),
    emoji: ofLetters("😀😁😂🤣😃😄😅😆😉😊😋😎😍😘🥰😗😙😚🙂🤗🤩🤔🤨😐😑😶🙄😏😣😥😮🤐👩‍🚀🚤"),
  };
}

/** CPU time of one count, the slowest of some: nothing is compared, and a limit is for all. */
function hard(name: string, text: string): Measurement {
  let slowestMs = 0;
  for (let round = 0; round < HARD_ROUNDS; round++) {
    const before = process.cpuUsage();
    ours(text);
    const { user, system } = process.cpuUsage(before);
    slowestMs = Math.max(slowestMs, (user + system) / 1_000);
  }
  const ratio = slowestMs / HARD_MS_MAX;
  return { case: name, value: slowestMs, unit: "cpu ms", limit: HARD_MS_MAX, ratio, runs: HARD_ROUNDS };
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
