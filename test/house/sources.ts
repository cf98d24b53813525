import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly isTest: boolean;
}

/** Every TypeScript file of the packages, of test/ and of examples/, read once. */
export function sourceFiles(): readonly SourceFile[] {
  const roots = ["packages/sdk/src", "packages/sluice/src", "test", "examples"];
  return roots.flatMap((root) => filesBelow(join(ROOT, root))).map(read);
}

/**
 * What a file imports, statically or not: package names as they are, our own files as paths from the root.
 */
export function importsOf(file: SourceFile): readonly string[] {
  const specifiers = [...file.text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)"([^"]+)"/g)].map(
    (match) => match[1] ?? "",
  );
  return specifiers.map((specifier) =>
    specifier.startsWith(".")
      ? relative(ROOT, resolve(ROOT, dirname(file.path), specifier)).replaceAll("\\", "/")
      : specifier,
  );
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (statSync(path).isDirectory())
      return name === "node_modules" || name === "dist" ? [] : filesBelow(path);
    return name.endsWith(".ts") ? [path] : [];
  });
}

function read(path: string): SourceFile {
  const text = readFileSync(path, "utf8");
  const name = relative(ROOT, path).replaceAll("\\", "/");
  const isTest = /^(test|examples)\//.test(name) || /\.(test|test-support)\.ts$/.test(name);
  return { path: name, text, lines: text.split("\n"), isTest };
}
