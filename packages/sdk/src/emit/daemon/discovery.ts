import { createHmac, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { codeOf, type Disk } from "../../system/disk.ts";

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
  /** The name, in the data directory, of a unix socket on which it listens as well. */
  readonly socket?: string;
}

/** In the data directory. */
export const DISCOVERY_FILE = "daemon.json";
/** Ours has some 400 bytes. */
const SIZE_BYTES_MAX = 64 * 1024;

/**
 * A caller sends a random text here and gets back its HMAC under the daemon's nonce: proof that it is the one
 * of daemon.json.
 */
export const CHALLENGE_HEADER = "x-sluice-challenge";
export const PROOF_HEADER = "x-sluice-proof";

/** What a daemon with this nonce answers to a challenge. */
export function proofOf(nonce: string, challenge: string): string {
  return createHmac("sha256", nonce).update(challenge).digest("hex");
}

/** Was `proof` given by who knows the nonce? In constant time. */
export function isProof(proof: string, nonce: string, challenge: string): boolean {
  const given = Buffer.from(proof);
  const expected = Buffer.from(proofOf(nonce, challenge));
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * Undefined when there is none, or none that can be read as one: then nothing is known to run there. Rejects
 * with Node's error, for instance for another user.
 */
export async function readDiscovery(disk: Disk, dataDir: string): Promise<Discovery | undefined> {
  try {
    const file = await disk.open(join(dataDir, DISCOVERY_FILE), "read");
    try {
      const bytes = Buffer.alloc(Math.min((await file.stat()).sizeBytes, SIZE_BYTES_MAX));
      const length = await file.read(bytes, 0);
      return parse(bytes.toString("utf8", 0, length));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
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
  const socket: unknown = Reflect.get(value, "socket");
  if (socket !== undefined && typeof socket !== "string") return false;
  return hasTexts && typeof Reflect.get(value, "pid") === "number";
}
