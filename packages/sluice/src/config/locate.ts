/**
 * Where a setting stands in a TOML text, so that an error can point at it. Lines and columns count from 1.
 */
export interface Place {
  readonly line: number;
  readonly column: number;
}

const HEADER = /^\s*\[(\[)?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$/;
const SETTING =
  /^(\s*)((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=/;

/**
 * Finds the deepest part of `path` that the text names. A reader of lines, not a parser: what it cannot place
 * (a key of an inline table) gets the place of what holds it; undefined when not even the table is there.
 */
export function locate(text: string, path: readonly (string | number)[]): Place | undefined {
  const wanted = path.map(String);
  const indexOfList = new Map<string, number>();
  let table: readonly string[] = [];
  let best: { place: Place; depth: number } | undefined;

  for (const [index, line] of text.split("\n").entries()) {
    const header = HEADER.exec(line);
    if (header) {
      table = resolve(keysOf(header[2] ?? ""), header[1] !== undefined, indexOfList);
      best = better(best, wanted, table, { line: index + 1, column: line.indexOf("[") + 1 });
      continue;
    }
    const setting = SETTING.exec(line);
    if (!setting) continue;
    const key = [...table, ...keysOf(setting[2] ?? "")];
    best = better(best, wanted, key, { line: index + 1, column: (setting[1] ?? "").length + 1 });
  }
  return best?.place;
}

/** Puts the index of the current element behind every name that is a list of tables. */
function resolve(
  keys: readonly string[],
  isList: boolean,
  indexOfList: Map<string, number>,
): readonly string[] {
  const path: string[] = [];
  for (const [position, key] of keys.entries()) {
    path.push(key);
    const name = path.join("\n");
    if (isList && position === keys.length - 1) indexOfList.set(name, (indexOfList.get(name) ?? -1) + 1);
    const index = indexOfList.get(name);
    if (index !== undefined) path.push(String(index));
  }
  return path;
}

function better(
  best: { place: Place; depth: number } | undefined,
  wanted: readonly string[],
  candidate: readonly string[],
  place: Place,
): { place: Place; depth: number } | undefined {
  const isPrefix =
    candidate.length <= wanted.length && candidate.every((key, index) => key === wanted[index]);
  return isPrefix && candidate.length > (best?.depth ?? 0) ? { place, depth: candidate.length } : best;
}

function keysOf(dotted: string): string[] {
  return [...dotted.matchAll(/"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? "",
  );
}
