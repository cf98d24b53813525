import { readFileSync } from "node:fs";
import { arch, cpus, release, type } from "node:os";
import { join } from "node:path";
import type { Figure } from "./figures.ts";
import { promises } from "./promises.ts";

/** docs/guarantees-report.md: per promise, what the last whole run of the battery has reached. */
export function reportPage(figures: readonly Figure[], durationMs: number): string {
  const lines = [
    "# What the guarantees have been put to",
    "",
    "<!-- Written by `npm run chaos`. Do not edit. -->",
    "",
    `Of [the guarantees](spec/guarantees.md), as the battery in test/chaos last measured them, in ` +
      `${Math.round(durationMs / 60_000)} minutes, on Node ${process.versions.node}, ${type()} ${release()} ` +
      `${arch()}, ${cpus().length} cores. Seeds are drawn anew at each run and printed by it.`,
  ];
  for (const { id, title } of promises(guarantees())) {
    const reached = figures.filter(({ promise }) => promise === id);
    if (reached.length === 0) continue;
    lines.push("", `## ${id} ${title}`, "", "| what was done | reached | promised |", "| --- | --- | --- |");
    for (const { what, reached: value, goal } of reached) lines.push(`| ${what} | ${value} | ${goal} |`);
  }
  return `${lines.join("\n")}\n`;
}

function guarantees(): string {
  return readFileSync(join(import.meta.dirname, "../../docs/spec/guarantees.md"), "utf8");
}
