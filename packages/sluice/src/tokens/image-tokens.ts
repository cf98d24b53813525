import type { Size } from "./image-size.ts";

/** OpenAI's published figures: a base and so much for each tile of 512 pixels, or a factor on patches of 32. */
type Rule = { readonly base: number; readonly tile: number } | { readonly factor: number };

/** By the beginning of the model's name; the first that fits. */
const RULES: readonly (readonly [RegExp, Rule])[] = [
  [/^gpt-4o-mini/, { base: 2833, tile: 5667 }],
  [/^(gpt-4\.1-mini|gpt-5-mini)/, { factor: 1.62 }],
  [/^(gpt-4\.1-nano|gpt-5-nano)/, { factor: 2.46 }],
  [/^o4-mini/, { factor: 1.72 }],
  [/^gpt-5/, { base: 70, tile: 140 }],
  [/^o[13]/, { base: 75, tile: 150 }],
];
/** GPT-4o, 4.1 and 4.5; also the guess for models of others. */
const USUAL: Rule = { base: 85, tile: 170 };

/** Where a picture is only named by an address, nobody knows its size here. Four tiles are a usual one. */
const USUAL_SIZE: Size = { width: 1024, height: 1024 };

const TILE = 512;
const PATCH = 32;
const PATCHES_MAX = 1536;
const SIDE_MAX = 2048;
const SHORT_SIDE_MAX = 768;

/** What a picture in a prompt costs: with `detail` low always the same, else by its size. */
export function imageTokens(model: string, size: Size = USUAL_SIZE, detail?: unknown): number {
  const rule = RULES.find(([name]) => name.test(model))?.[1] ?? USUAL;
  if ("factor" in rule) return Math.ceil(patchesOf(size) * rule.factor);
  return detail === "low" ? rule.base : rule.base + rule.tile * tilesOf(size);
}

/** It is made to fit a square of 2,048 pixels, and then its shorter side 768. It never grows. */
function tilesOf({ width, height }: Size): number {
  const fit = Math.min(1, SIDE_MAX / Math.max(width, height));
  const scale = fit * Math.min(1, SHORT_SIDE_MAX / (Math.min(width, height) * fit));
  return Math.ceil((width * scale) / TILE) * Math.ceil((height * scale) / TILE);
}

/** One with more patches than the model takes shrinks until whole patches of it fit. */
function patchesOf({ width, height }: Size): number {
  const whole = Math.ceil(width / PATCH) * Math.ceil(height / PATCH);
  if (whole <= PATCHES_MAX) return whole;
  const scale = Math.sqrt((PATCH * PATCH * PATCHES_MAX) / (width * height));
  const across = (width * scale) / PATCH;
  const down = (height * scale) / PATCH;
  const fit = Math.min(wholeOf(across) / across, wholeOf(down) / down);
  return Math.min(PATCHES_MAX, wholeOf(Math.round(across * fit)) * wholeOf(Math.round(down * fit)));
}

/** A picture of any shape has one patch each way. */
function wholeOf(patches: number): number {
  return Math.max(1, Math.floor(patches));
}
