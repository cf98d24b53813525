import { expect, test } from "vitest";
import { imageTokens } from "./image-tokens.ts";

/** The examples of OpenAI's guide. */
test.each([
  ["gpt-4o", 1024, 1024, "high", 765],
  ["gpt-4o", 2048, 4096, "high", 1105],
  ["gpt-4o", 4096, 8192, "low", 85],
  ["gpt-4o", 512, 512, "auto", 255],
  ["gpt-4o-mini", 512, 512, "low", 2833],
  ["gpt-4.1-mini", 1024, 1024, "high", Math.ceil(1024 * 1.62)],
  ["gpt-4.1-mini", 1800, 2400, "high", Math.ceil(1452 * 1.62)],
  ["o4-mini", 1, 100_000_000, "high", 2_642],
])("%s takes a picture of %i by %i in %s detail for %i tokens", (model, width, height, detail, tokens) => {
  expect(imageTokens(model, { width, height }, detail)).toBe(tokens);
});

test("a picture of unknown size counts as four tiles", () => {
  expect(imageTokens("gpt-4.1")).toBe(765);
});
