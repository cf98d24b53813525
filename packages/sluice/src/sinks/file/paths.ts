import { createHash } from "node:crypto";
import { dirname, extname, join, resolve, sep } from "node:path";
import type { Event, Scope } from "@sluice/sdk";
import { codeOf, type Disk } from "@sluice/sdk/internal";

/**
 * Beyond this many files a directory listing, a backup and a person give up; see S21 in the security list.
 */
const FILES_MAX = 10_000;
const SLUG_LENGTH_MAX = 40;

/**
 * Which file an event goes to. A template is a path in which `{scope}` stands for user or system, and
 * `{user}` for a name made of the user's id: its readable part, then 16 hex digits of its SHA-256, so that
 * two ids never share a file, also on a file system that does not tell A from a. Such a name holds letters,
 * digits and hyphens only: no id leads out of the directory in front of the first placeholder. Past 10,000
 * files all new users share `overflow`, and that is said once.
 */
export interface FilePaths {
  pathOf(event: Event): string;
  /** Where the path stops being the configuration's word: everything is written below it. */
  readonly root: string;
}

/** Does this path need the event to be decoded? */
export function isSplit(template: string): boolean {
  return /\{(scope|user)\}/.test(template);
}

/** Counts the files of earlier processes first, so that the limit holds across restarts. */
export async function openFilePaths(
  disk: Disk,
  template: string,
  dataDir: string,
  warn: (message: string) => void,
): Promise<FilePaths> {
  const absolute = resolve(dataDir, template);
  const segments = absolute.split(sep);
  const firstSplit = segments.findIndex(isSplit);
  const root = firstSplit < 0 ? dirname(absolute) : segments.slice(0, firstSplit).join(sep) || sep;
  const overflow = join(root, `overflow${extname(absolute)}`);
  const known = new Set(firstSplit < 0 ? [] : await existing(disk, root, segments.slice(firstSplit)));
  let hasOverflowed = false;
  return {
    root,
    pathOf(event) {
      const path = absolute
        .replaceAll("{scope}", event.scope?.kind === "user" ? "user" : "system")
        .replaceAll("{user}", () => userName(event.scope));
      if (known.has(path)) return path;
      if (known.size >= FILES_MAX) {
        if (!hasOverflowed) warn(`${FILES_MAX} files are in use: events of new users go to ${overflow}.`);
        hasOverflowed = true;
        return overflow;
      }
      known.add(path);
      return path;
    },
  };
}

/** `ann-example-com-0a1b2c3d4e5f6071`; `system` for events that belong to nobody. */
export function userName(scope: Scope | undefined): string {
  if (scope?.kind !== "user") return "system";
  const slug = scope.id
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, SLUG_LENGTH_MAX)
    .replace(/-+$/, "");
  const hash = createHash("sha256").update(scope.id).digest("hex").slice(0, 16);
  return `${slug || "user"}-${hash}`;
}

/** Paths below `directory` that the remaining segments of the template can have made. */
async function existing(disk: Disk, directory: string, segments: readonly string[]): Promise<string[]> {
  const [segment, ...rest] = segments;
  if (segment === undefined) return [directory];
  const pattern = patternOf(segment);
  const paths: string[] = [];
  for (const name of await namesIn(disk, directory)) {
    if (paths.length >= FILES_MAX) break;
    if (pattern.test(name)) paths.push(...(await existing(disk, join(directory, name), rest)));
  }
  return paths;
}

async function namesIn(disk: Disk, directory: string): Promise<string[]> {
  try {
    return await disk.list(directory);
  } catch (error) {
    // A file where the template has a directory: nothing of ours is below it.
    if (codeOf(error) === "ENOTDIR") return [];
    throw error;
  }
}

function patternOf(segment: string): RegExp {
  const source = segment
    .split(/(\{scope\}|\{user\})/)
    .map((part) => {
      if (part === "{scope}") return "(?:user|system)";
      if (part === "{user}") return "(?:system|[a-z0-9-]{1,41}[0-9a-f]{16})";
      return part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    })
    .join("");
  return new RegExp(`^${source}$`);
}
