import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { encode as encodeCl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { encode as encodeO200k } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import { countText } from "./count-text.ts";
import { type Encoding, readVocabulary } from "./vocabulary.ts";

const AS_TEXT = { disallowedSpecial: new Set<string>() };
const REFERENCES: Readonly<Record<Encoding, (text: string) => number>> = {
  o200k_base: (text) => encodeO200k(text, AS_TEXT).length,
  cl100k_base: (text) => encodeCl100k(text, AS_TEXT).length,
};
const ENCODINGS: readonly Encoding[] = ["o200k_base", "cl100k_base"];

/** Each alternative of the two splits begins or ends at some of these. */
const FRAGMENTS = [
  ..."aAbzZsStTlLvVeErRdDmM'’ \t\n\r\v\f/!?.,-_0179éÉßǅʰªא的本あアहि\u0301\u0300٣Ⅷ²😀\u00a0\u3000\u200b",
  ...[
    "\r\n",
    "  ",
    "   ",
    " the",
    "ing",
    "'s",
    "'LL",
    "'ve",
    "ABCd",
    "👩‍👩‍👧",
    "\ud800",
    "\udc00",
    "https://",
  ],
  ...["<|endoftext|>", "\u{1d7d8}", "é".normalize("NFD"), "aaaaaaaaaaaaaaaaa", "================"],
];
/** What gpt-tokenizer reads otherwise than OpenAI's own encoder: the last test has these. */
const MISREAD = /[\ufeff\u0085\u017f]/u;

const texts = fc.oneof(
  fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 40 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 60 }).filter((text) => !MISREAD.test(text)),
  fc.stringMatching(/^[a-z]{0,300}$/),
);

describe.each(ENCODINGS)("%s", (encoding) => {
  test("every text has as many tokens as gpt-tokenizer makes of it", () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(countText(text, encoding)).toBe(REFERENCES[encoding](text));
      }),
      { numRuns: 2_000 },
    );
  });

  test("so has source code and prose, and what repeats up to where gpt-tokenizer is still quick", () => {
    const source = readFileSync(fileURLToPath(import.meta.url), "utf8");
    const same = ["a", "Z", " ", "\n", "7", "!", "=", "的", "😀", "\u0301", "aA", "ab ", "的A", "\r\n", "'s"];

    for (const text of [source, source.toUpperCase(), ...same.map((part) => part.repeat(700))]) {
      expect(countText(text, encoding)).toBe(REFERENCES[encoding](text));
    }
  });

  test.each(Object.entries(hostileTexts()))("100 KB of %s take less than 150 ms", (_, text) => {
    expect(Buffer.byteLength(text)).toBeGreaterThan(99_000);
    countText("loaded", encoding);

    const before = process.cpuUsage();
    countText(text, encoding);
    const { user, system } = process.cpuUsage(before);

    expect((user + system) / 1_000).toBeLessThan(150);
  });

  test("the vocabulary that is shipped is the published one, token by token", () => {
    const published = fileURLToPath(import.meta.resolve(`gpt-tokenizer/data/${encoding}.tiktoken`));
    const vocabulary = readVocabulary(encoding);

    const lines = readFileSync(published, "utf8").trim().split("\n");
    const wrong = lines.filter((line) => {
      const [token = "", rank] = line.split(" ");
      const bytes = Buffer.from(token, "base64");
      return vocabulary.rankOf(bytes, 0, bytes.length) !== Number(rank);
    });

    expect(wrong).toEqual([]);
    expect(lines.length).toBeGreaterThan(100_000);
  });
});

test("a word that is too long to be merged whole is cut, and is off by a token or two", () => {
  const words = ["a".repeat(1024 * 1024), "a".repeat(1024 * 1024 + 800)].map((text) =>
    countText(text, "o200k_base"),
  );

  expect((words[1] ?? 0) - (words[0] ?? 0)).toBe(countText("a".repeat(800), "o200k_base"));
});

test.each([
  ["a \ufeff b", "o200k_base", 3],
  ["a \ufeff b", "cl100k_base", 3],
  ["a \u0085a", "o200k_base", 5],
  ["a \u0085a", "cl100k_base", 5],
  [" I'\u017fa", "o200k_base", 3],
] as const)(
  "%j in %s: what gpt-tokenizer misreads is read as tiktoken 1.0.22 does",
  (text, encoding, tokens) => {
    expect(countText(text, encoding)).toBe(tokens);
  },
);

function hostileTexts(): Readonly<Record<string, string>> {
  let seed = 7;
  const chance = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return (seed >>> 8) % below;
  };
  const made = (length: number, one: () => number) =>
    Array.from({ length }, () => String.fromCodePoint(one())).join("");
  return {
    "one letter": "a".repeat(100_000),
    capitals: "A".repeat(100_000),
    "one unbroken word": made(100_000, () => 97 + chance(26)),
    spaces: " ".repeat(100_000),
    "line ends": "\n".repeat(100_000),
    digits: "7".repeat(100_000),
    "exclamation marks": "!".repeat(100_000),
    emoji: "😀".repeat(25_000),
    "one Chinese character": "的".repeat(33_334),
    "20,000 Chinese characters": made(33_334, () => 0x4e00 + chance(20_000)),
    "combining marks": "\u0301".repeat(50_000),
    "letters of both cases": "aA".repeat(50_000),
    "Chinese characters and capitals": "的A".repeat(25_000),
    "25,000 rare characters": made(25_000, () => 0x1_0000 + chance(0x1_0000)),
  };
}
