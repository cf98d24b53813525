import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Figure } from "./figures.ts";

/** What the parts of the battery that have passed have reached, all of them with the same product. */
export interface PassedParts {
  /** Git's name for the sources of all packages, without changes. */
  readonly packages: string;
  readonly durationMs: number;
  /** The tests' files. */
  readonly files: readonly string[];
  readonly figures: readonly Figure[];
}

const ROOT = join(import.meta.dirname, "../..");
const FILE = join(ROOT, "node_modules/.cache/sluice-chaos.json");

/**
 * Adds a part that has passed to those that passed before it, and returns all of them: a whole report can be
 * made of several runs, also if a test was mended in between. Parts that had another product before them
 * count for nothing; where there are changes that are in no commit, a part stands for itself.
 */
export function recordPart(part: Omit<PassedParts, "packages">): Omit<PassedParts, "packages"> {
  const packages = cleanPackages();
  if (packages === undefined) return part;
  const before = readParts();
  const others = before?.packages === packages ? before : undefined;
  const isOther = (file: string) => !part.files.includes(file);
  const all = {
    packages,
    durationMs: part.durationMs + (others?.durationMs ?? 0),
    files: [...(others?.files.filter(isOther) ?? []), ...part.files],
    figures: [...(others?.figures.filter(({ file }) => isOther(file)) ?? []), ...part.figures],
  };
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, JSON.stringify(all));
  return all;
}

function readParts(): PassedParts | undefined {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")) : undefined;
}

function cleanPackages(): string | undefined {
  const git = (...words: readonly string[]) =>
    spawnSync("git", words, { cwd: ROOT, encoding: "utf8" }).stdout?.trim();
  return git("status", "--porcelain") === "" ? git("rev-parse", "HEAD:packages") : undefined;
}
