import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

/** What two clients left at one server, by a name that both have for it. */
export type Stored = Readonly<Record<string, unknown>>;

/** A difference that is meant to be. `field` is a path, in which `*` stands for a part. */
export interface Allowed {
  readonly field: string;
  readonly reason: string;
}

const DECISIONS = join(import.meta.dirname, "../../../docs/decisions");
const PAGE = join(DECISIONS, "0039-the-sdks-are-the-yardstick.md");

/**
 * Field by field, everything is the same but for what is allowed; every row of the table is needed, and
 * stands on the decision page.
 */
export function expectSameBut(sdk: Stored, sluice: Stored, table: readonly Allowed[]): void {
  const found = differences(sdk, sluice);
  const stray = found.filter(({ field }) => !table.some((row) => covers(row, field)));
  expect(stray).toEqual([]);
  const idle = table.filter((row) => !found.some(({ field }) => covers(row, field)));
  expect(idle, "rows that allow what does not differ any more").toEqual([]);
  const page = readFileSync(PAGE, "utf8");
  const missing = table.filter(({ field, reason }) => !page.includes(`| \`${field}\` | ${reason} |`));
  expect(missing, "rows that the decision page does not have").toEqual([]);
}

interface Difference {
  readonly field: string;
  readonly sdk: unknown;
  readonly sluice: unknown;
}

function differences(sdk: Stored, sluice: Stored): readonly Difference[] {
  const theirs = leaves(sdk);
  const ours = leaves(sluice);
  const fields = [...new Set([...theirs.keys(), ...ours.keys()])].sort();
  return fields
    .map((field) => ({ field, sdk: theirs.get(field), sluice: ours.get(field) }))
    .filter((pair) => JSON.stringify(pair.sdk) !== JSON.stringify(pair.sluice));
}

/** Every value that is no object, by its path; an empty object or list is one too. */
function leaves(value: unknown, path: readonly string[] = [], found = new Map<string, unknown>()) {
  const members = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (value === undefined) return found;
  if (members.length === 0) found.set(path.join("."), value);
  for (const [name, inner] of members) leaves(inner, [...path, name], found);
  return found;
}

/** A row for an object is one for all that is in it. */
function covers({ field }: Allowed, path: string): boolean {
  const parts = path.split(".");
  return field.split(".").every((part, index) => part === "*" || part === parts[index]);
}
