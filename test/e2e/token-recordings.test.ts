import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Usage } from "@sluice/sdk";
import { completionTokensOf, promptTokensOf } from "@sluice/sdk/internal";
import { describe, expect, test } from "vitest";
import { tokensPage } from "../../scripts/tokens-page.ts";
import { ROOT } from "./daemon.ts";
import { type Compared, comparedOthers, comparedRecordings } from "./token-comparison.ts";

const compared = await comparedRecordings();
if (compared.length === 0)
  console.warn("No recordings at ../shared/recordings: no count is held against them.");

describe.skipIf(compared.length === 0)("every recorded request of OpenAI's with a recorded usage", () => {
  test("has the very tokens that were billed where all is text", () => {
    const texts = compared.filter(({ counted }) => counted?.source === "counted");

    const differ = ({ recorded, counted }: Compared) =>
      String(sidesOf(recorded)) !== String(sidesOf(counted));
    expect(texts.filter(differ)).toEqual([]);
    expect(texts.length).toBeGreaterThanOrEqual(4);
  });

  test("is at most 5 % off where there are tools", () => {
    const tools = compared.filter(({ counted }) => counted?.source === "estimated");

    expect(tools.filter((one) => offOf(one) > 0.05)).toEqual([]);
    expect(tools.length).toBeGreaterThanOrEqual(3);
  });
});

test.skipIf(compared.length === 0)("what others' models use is only ever called an estimate", async () => {
  const others = await comparedOthers();

  expect(others.map(({ counted }) => counted?.source)).toEqual(others.map(() => "estimated"));
  expect(others.length).toBeGreaterThanOrEqual(5);
});

test.skipIf(compared.length === 0)("docs/tokens.md is what `npm run docs` writes today", async () => {
  const committed = readFileSync(join(ROOT, "docs/tokens.md"), "utf8");

  expect(committed, "run: npm run docs").toBe(await tokensPage());
});

function sidesOf(usage: Usage | undefined): readonly (number | undefined)[] {
  return [promptTokensOf(usage), completionTokensOf(usage)];
}

function offOf({ recorded, counted }: Compared): number {
  const ours = sidesOf(counted);
  return Math.max(
    ...sidesOf(recorded).map((tokens, side) => Math.abs((ours[side] ?? 0) / (tokens ?? 0) - 1)),
  );
}
