import { basename, dirname, extname, join } from "node:path";
import type { Disk } from "../system/disk.ts";
import { syncDirectory } from "../system/sync-directory.ts";

/**
 * When a log file gives way to a new one, and how many old ones stay. Without limits a file grows for ever.
 */
export interface Rotation {
  /** A file gets no entry that would take it past this; a single longer entry has a file of its own. */
  readonly maxBytes?: number;
  /** A new file for each UTC hour or day in which something is written. */
  readonly every?: "hour" | "day";
  /** Old files beyond this number are removed, oldest first. Absent keeps all. */
  readonly keep?: number;
}

const PERIOD_MS = { hour: 3_600_000, day: 86_400_000 } as const;

/**
 * Is a file of this size, last written then, too full or too old for an entry of `nextBytes` now? An empty
 * one never is.
 */
export function isDue(
  rotation: Rotation,
  file: { readonly sizeBytes: number; readonly writtenAtMs: number },
  nextBytes: number,
  nowMs: number,
): boolean {
  if (file.sizeBytes === 0) return false;
  if (rotation.maxBytes !== undefined && file.sizeBytes + nextBytes > rotation.maxBytes) return true;
  if (rotation.every === undefined) return false;
  const periodMs = PERIOD_MS[rotation.every];
  // Only forward: a clock that was set back must not open a file per write.
  return Math.floor(nowMs / periodMs) > Math.floor(file.writtenAtMs / periodMs);
}

/**
 * Renames `events.jsonl` to `events.20261121T054159.123Z.jsonl`, durably, then removes the oldest beyond
 * `keep`. The file must be closed.
 */
export async function rotate(disk: Disk, path: string, rotation: Rotation, nowMs: number): Promise<void> {
  const directory = dirname(path);
  const taken = new Set(await disk.list(directory));
  let stampMs = nowMs;
  // A rename replaces its target, so a name that is taken must not be used.
  while (taken.has(oldName(path, stampMs))) stampMs++;
  const name = oldName(path, stampMs);
  await disk.rename(path, join(directory, name));
  await syncDirectory(disk, directory);
  if (rotation.keep === undefined) return;
  // Stamps have one width: the order of the names is the order of time.
  const old = [...taken, name].filter((each) => isOldName(path, each)).sort();
  for (const each of old.slice(0, Math.max(0, old.length - rotation.keep))) {
    await disk.remove(join(directory, each));
  }
}

function oldName(path: string, stampMs: number): string {
  const extension = extname(path);
  const stamp = new Date(stampMs).toISOString().replaceAll(/[-:]/g, "");
  return `${basename(path, extension)}.${stamp}${extension}`;
}

function isOldName(path: string, name: string): boolean {
  const extension = extname(path);
  const stem = `${basename(path, extension)}.`;
  if (!name.startsWith(stem) || !name.endsWith(extension)) return false;
  return /^\d{8}T\d{6}\.\d{3}Z$/.test(name.slice(stem.length, name.length - extension.length));
}
