import { join } from "node:path";
import { codeOf, type Disk } from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";

/**
 * Where a running daemon is found, and the proof that a caller may read from it: whoever can read this file
 * (0600).
 */
export interface Discovery {
  readonly url: string;
  readonly pid: number;
  /** Known to this daemon and this file only; see `CHALLENGE_HEADER`. */
  readonly nonce: string;
  readonly token: string;
  readonly version: string;
  readonly bootId: string;
  readonly startedAt: string;
}

const FILE = "daemon.json";
/** Ours has some 400 bytes. */
const SIZE_BYTES_MAX = 64 * 1024;

/** Replaces what is there in one step: a reader sees the old file or the new one, never half of one. */
export async function writeDiscovery(disk: Disk, dataDir: string, discovery: Discovery): Promise<void> {
  const temporary = join(dataDir, `${FILE}.${discovery.nonce.slice(0, 8)}.tmp`);
  const file = await disk.open(temporary, "create");
  try {
    const bytes = Buffer.from(`${JSON.stringify(discovery, undefined, 2)}\n`);
    const written = file.write(bytes, 0);
    if (written < bytes.length) throw Object.assign(new Error("ENOSPC: short write"), { code: "ENOSPC" });
  } finally {
    await file.close();
  }
  await disk.rename(temporary, join(dataDir, FILE));
}

/**
 * Undefined when there is none, or none that can be read as one: then nothing is known to run there. Rejects
 * with DATA_DIR_UNREADABLE, for instance for another user.
 */
export async function readDiscovery(disk: Disk, dataDir: string): Promise<Discovery | undefined> {
  try {
    const file = await disk.open(join(dataDir, FILE), "read");
    try {
      const bytes = Buffer.alloc(Math.min((await file.stat()).sizeBytes, SIZE_BYTES_MAX));
      const length = await file.read(bytes, 0);
      return parse(bytes.toString("utf8", 0, length));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    const cause = codeOf(error) ?? String(error);
    throw new SluiceError("DATA_DIR_UNREADABLE", { path: dataDir, cause }, error);
  }
}

/** Removes it if it is still this daemon's own. */
export async function removeDiscovery(disk: Disk, dataDir: string, nonce: string): Promise<void> {
  const found = await readDiscovery(disk, dataDir);
  if (found?.nonce === nonce) await disk.remove(join(dataDir, FILE));
}

function parse(text: string): Discovery | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isDiscovery(value) ? value : undefined;
  } catch {
    // Half a file from a crash, or somebody's own: as good as none.
    return undefined;
  }
}

function isDiscovery(value: unknown): value is Discovery {
  if (typeof value !== "object" || value === null) return false;
  const texts = ["url", "nonce", "token", "version", "bootId", "startedAt"];
  const hasTexts = texts.every((name) => typeof Reflect.get(value, name) === "string");
  return hasTexts && typeof Reflect.get(value, "pid") === "number";
}
