import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT, type SourceFile, sourceFiles } from "./sources.ts";

/** The rules of STYLE that a machine can check. An exception stands here with its reason. */
const FILE_LINES_MAX = 400;
const TEST_LINES_MAX = 600;
const LINE_COLUMNS_MAX = 110;
/** Sentences are not broken to fit: a link, a test's name, a text that stands alone or ends the line. */
const HAS_LONG_TEXT = /https?:\/\/|^\s*(test|describe)\b|^\s*[`"'/]|["`'],?;?\)?;?$/;
const ALLOWED_LONG: Record<string, string> = {};

const BANNED: readonly { pattern: RegExp; instead: string; except?: RegExp }[] = [
  { pattern: /\bas any\b|: any[;,)>\]]|<any>/, instead: "say the type, or unknown" },
  { pattern: /@ts-(ignore|nocheck|expect-error)/, instead: "mend the type" },
  { pattern: /\bTODO\b|\bFIXME\b/, instead: "file an issue, or do it" },
  { pattern: /^export default /, instead: "a named export", except: /vitest\.config|test\/guard|bench/ },
  { pattern: /^export \* /, instead: "a list of names" },
  { pattern: /^\s*(export )?(const )?enum /, instead: "a union of strings" },
  { pattern: /catch( \([^)]*\))? \{\s*\}/, instead: "a catch that says why it is empty" },
  { pattern: /\b(req|opts|cnt|cfg|ctx|mgr|msg|evt)\b(?=\s*[:,.)=])/, instead: "the whole word" },
];

/**
 * What only system/ may call. The rest of the product gets a Clock and a Random, so that tests can move them.
 */
const CLOCK = /\bDate\.now\(|\bperformance\.now\(|\bsetTimeout\(|\bsetInterval\(|\bMath\.random\(/;
const CLOCK_ROOMS = /^packages\/(sdk\/src\/system|sluice\/src\/(cli|daemon|testing))\//;

const BAD_FOLDERS = /\/(utils?|helpers?|common|types|interfaces|core|lib|misc)(\/|\.ts$)/;

/** This file spells out what it bans. */
const files = sourceFiles().filter((file) => file.path !== "test/house/tidy.test.ts");

test("every file is short enough to have one idea", () => {
  const long = files.filter((file) => file.lines.length > limitOf(file) && !ALLOWED_LONG[file.path]);

  expect(long.map((file) => `${file.path}: ${file.lines.length} lines`)).toEqual([]);
});

test("every line fits a window", () => {
  const long = files.flatMap((file) =>
    file.lines.flatMap((line, index) =>
      line.length > LINE_COLUMNS_MAX && !HAS_LONG_TEXT.test(line) ? [`${file.path}:${index + 1}`] : [],
    ),
  );

  expect(long).toEqual([]);
});

test("nothing is written that our style replaces", () => {
  const found = files.flatMap((file) =>
    BANNED.filter((rule) => !rule.except?.test(file.path)).flatMap((rule) =>
      hits(file, rule.pattern, rule.instead),
    ),
  );

  expect(found).toEqual([]);
});

test("time and chance come from system/", () => {
  const product = files.filter((file) => !file.isTest && !CLOCK_ROOMS.test(file.path));

  expect(product.flatMap((file) => hits(file, CLOCK, "a Clock or a Random that is passed in"))).toEqual([]);
});

test("no folder or file is a drawer for everything", () => {
  expect(files.filter((file) => BAD_FOLDERS.test(file.path)).map((file) => file.path)).toEqual([]);
});

test("a test stands beside what it tests", () => {
  const paths = new Set(files.map((file) => file.path));
  const orphans = files.filter(
    (file) =>
      file.path.startsWith("packages/") && file.path.endsWith(".test.ts") && !hasSubject(file.path, paths),
  );

  expect(orphans.map((file) => file.path)).toEqual([]);
});

test("no path of a developer's machine is in the tree", () => {
  const machine = ROOT.split("/").slice(0, 2).join("/");
  const listed = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0");
  const texts = listed.filter(
    (path) => /\.(ts|md|json|cjs|mjs|toml|yml)$|^\.ci\/run$/.test(path) && path !== "package-lock.json",
  );

  const found = texts.filter((path) => leaks(readFileSync(join(ROOT, path), "utf8"), machine));

  expect(found.filter((path) => !path.startsWith("test/house/"))).toEqual([]);
});

function leaks(text: string, machine: string): boolean {
  return text.includes(`${machine}/`) || /\/home\/[a-z]|\/Users\/[a-z]/.test(text);
}

function limitOf(file: SourceFile): number {
  return file.isTest ? TEST_LINES_MAX : FILE_LINES_MAX;
}

function hits(file: SourceFile, pattern: RegExp, instead: string): string[] {
  return file.lines.flatMap((line, index) =>
    pattern.test(line) && !line.trimStart().startsWith("*") && !line.trimStart().startsWith("//")
      ? [`${file.path}:${index + 1}: ${line.trim().slice(0, 60)} → ${instead}`]
      : [],
  );
}

/** `route.test.ts` tests `route.ts`; so does `route.drain.test.ts`, one behaviour of it. */
function hasSubject(path: string, paths: ReadonlySet<string>): boolean {
  const subject = path.replace(/(\.[a-z-]+)?\.test\.ts$/, ".ts");
  return paths.has(subject);
}
