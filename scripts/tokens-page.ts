import type { Usage } from "@sluice/sdk";
import { completionTokensOf, promptTokensOf } from "@sluice/sdk/internal";
import { type Compared, comparedOthers, comparedRecordings } from "../test/e2e/token-comparison.ts";

/** docs/tokens.md, from the recorded calls; undefined where they are not at hand, and the page stays as it is. */
export async function tokensPage(): Promise<string | undefined> {
  const [openai, others] = await Promise.all([comparedRecordings(), comparedOthers()]);
  if (openai.length === 0) return undefined;
  const [tools, texts] = [openai.filter(isGuessed), openai.filter((one) => !isGuessed(one))];
  return `${[
    HEAD,
    "## OpenAI's models, text\n\nCounted, and equal to the token.",
    tableOf(texts),
    "## OpenAI's models, tools\n\nEstimated: how tools are shown to a model is not published. At most 5 % off.",
    tableOf(tools),
    "## Everybody else\n\nEstimated with the encoding of OpenAI's newest models: the others' are their own. What a\nmodel thought and did not show, and what a provider puts in front, nobody can count.",
    tableOf(others),
  ].join("\n\n")}\n`;
}

const HEAD = `# Tokens, counted and billed

<!-- Written by \`npm run docs\` from recorded calls. Do not edit. -->

Where a provider says what it used, its numbers stand in the event and nothing is counted. Where it says nothing
(a stream that was cut off, a local model), sluice counts what was asked and answered: \`usage.source\` is then
\`counted\` or \`estimated\`. Here are the recorded calls that have both their request and their provider's usage,
and what sluice counts without knowing it. A difference is of the provider's number.`;

function isGuessed({ counted }: Compared): boolean {
  return counted?.source !== "counted";
}

function tableOf(rows: readonly Compared[]): string {
  return [
    "| recording | model | prompt billed | counted | | answer billed | counted | | |",
    "| --- | --- | --: | --: | --: | --: | --: | --: | --- |",
    ...rows.map(rowOf),
  ].join("\n");
}

function rowOf({ name, model, recorded, counted }: Compared): string {
  const sides = [promptTokensOf, completionTokensOf].map((tokensOf) => sideOf(tokensOf, recorded, counted));
  const off = Math.max(...sides.map((side) => side.off));
  const word = off === 0 ? "exact" : off <= 0.05 ? "≤ 5 %" : "estimate";
  const cells = sides.map(({ cells }) => cells.join(" | "));
  return `| ${name} | ${model ?? ""} | ${cells.join(" | ")} | ${word} |`;
}

function sideOf(
  tokensOf: (usage: Usage | undefined) => number | undefined,
  recorded: Usage,
  counted: Usage | undefined,
): { readonly cells: readonly string[]; readonly off: number } {
  const [billed, ours] = [tokensOf(recorded), tokensOf(counted)];
  // An embedding has no answer, whatever a provider says of it.
  if (!billed || ours === undefined) return { cells: [`${billed ?? ""}`, `${ours ?? ""}`, ""], off: 0 };
  const difference = ours / billed - 1;
  const percent = `${difference > 0 ? "+" : ""}${(difference * 100).toFixed(1)} %`;
  return { cells: [`${billed}`, `${ours}`, difference === 0 ? "0" : percent], off: Math.abs(difference) };
}
