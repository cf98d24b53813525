import { codeOf } from "@sluice/sdk/internal";

/** Reads a small text file; rejects with Node's error. */
export type ReadText = (path: string) => Promise<string>;

/** A value that could not be filled in. `path` is where it stands, as keys and indexes. */
interface InterpolationProblem {
  readonly path: readonly (string | number)[];
  readonly problem: string;
}

export interface Interpolated {
  readonly value: unknown;
  readonly problems: readonly InterpolationProblem[];
  /** What came out of files: orchestrators mount secrets there, so it is treated as one. */
  readonly fromFiles: readonly string[];
}

export interface InterpolationSource {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readText: ReadText;
}

const PLACEHOLDER = /\$\{(env|file):([^}]*)\}/g;
/** Deeper than any configuration of ours; keeps a hostile file from exhausting the stack. */
const DEPTH_MAX = 16;

/**
 * Fills `${env:NAME}` and `${file:PATH}` in every string value, once: what was filled in is not looked at
 * again, and keys are left alone, so no value can add a setting. A missing variable or file is a problem,
 * never an empty string.
 */
export async function interpolate(value: unknown, source: InterpolationSource): Promise<Interpolated> {
  const problems: InterpolationProblem[] = [];
  const fromFiles: string[] = [];

  const visit = async (node: unknown, path: readonly (string | number)[]): Promise<unknown> => {
    if (typeof node === "string") return fill(node, path);
    if (path.length > DEPTH_MAX || typeof node !== "object" || node === null || node instanceof Date)
      return node;
    if (Array.isArray(node)) return Promise.all(node.map((item, index) => visit(item, [...path, index])));
    const entries = Object.entries(node).map(async ([key, item]) => [key, await visit(item, [...path, key])]);
    return Object.fromEntries(await Promise.all(entries));
  };

  const fill = async (text: string, path: readonly (string | number)[]): Promise<string> => {
    const parts: string[] = [];
    let end = 0;
    for (const match of text.matchAll(PLACEHOLDER)) {
      parts.push(text.slice(end, match.index));
      end = match.index + match[0].length;
      const [, kind = "", name = ""] = match;
      parts.push(kind === "env" ? fromEnv(name, path) : await fromFile(name, path));
    }
    return parts.join("") + text.slice(end);
  };

  const fromEnv = (name: string, path: readonly (string | number)[]): string => {
    const found = source.env[name];
    if (found !== undefined && found !== "") return found;
    problems.push({ path, problem: `the environment variable ${name} is not set` });
    return "";
  };

  const fromFile = async (name: string, path: readonly (string | number)[]): Promise<string> => {
    try {
      const text = (await source.readText(name)).replace(/\r?\n$/, "");
      fromFiles.push(text);
      return text;
    } catch (error) {
      problems.push({ path, problem: `the file ${name} cannot be read (${codeOf(error) ?? String(error)})` });
      return "";
    }
  };

  return { value: await visit(value, []), problems, fromFiles };
}
