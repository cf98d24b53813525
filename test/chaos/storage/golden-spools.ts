import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { MemoryDisk } from "@sluice/sdk/internal";
import type { SpoolRecord } from "../../../packages/sluice/src/spool/spool.ts";
import { TEST_DATA_DIR } from "../../../packages/sluice/src/testing/spool-fixture.ts";

/**
 * Data directories as released versions have left them, clean and otherwise, one file each in
 * test/fixtures/spools/format-N: what lies there, and what has to be read from it. They are never made again
 * for a format that was released; golden-spools-make.ts makes those of the format that is written today.
 */
export interface GoldenSpool {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly damaged: number;
  /** Every record: offset, id, SHA-1 of its body. */
  readonly records: readonly (readonly [number, string, string])[];
  /** By route, the SHA-1 of what it stored last. */
  readonly ledgers: Readonly<Record<string, string>>;
  /** By sink, what `sluice verify` says was delivered and dead-lettered. */
  readonly sinks: Readonly<Record<string, readonly [number, number]>>;
  /** By path in the data dir, the bytes: gzip, base64. */
  readonly files: Readonly<Record<string, string>>;
}

export const GOLDEN_DIRECTORY = join(import.meta.dirname, "../../fixtures/spools");

/** By format and name. */
export function goldenSpools(): ReadonlyMap<string, GoldenSpool> {
  const names = readdirSync(GOLDEN_DIRECTORY, { recursive: true, encoding: "utf8" });
  const golden = names.filter((name) => name.endsWith(".json")).sort();
  return new Map(
    golden.map((name) => [name, JSON.parse(readFileSync(join(GOLDEN_DIRECTORY, name), "utf8"))]),
  );
}

/** Its files by path in the data dir. */
export function filesOf({ files }: GoldenSpool): ReadonlyMap<string, Buffer> {
  return new Map(
    Object.entries(files).map(([path, packed]) => [path, gunzipSync(Buffer.from(packed, "base64"))]),
  );
}

/** The same in memory, in TEST_DATA_DIR. */
export function diskOf(golden: GoldenSpool): MemoryDisk {
  const disk = new MemoryDisk();
  for (const [path, bytes] of filesOf(golden)) disk.put(`${TEST_DATA_DIR}/${path}`, bytes);
  return disk;
}

export function packedFilesOf(disk: MemoryDisk): Record<string, string> {
  const pack = (path: string) => gzipSync(disk.bytesOf(path), { level: 9 }).toString("base64");
  return Object.fromEntries(disk.paths.map((path) => [path.slice(TEST_DATA_DIR.length + 1), pack(path)]));
}

export function factsOf({ offset, event, body }: SpoolRecord): readonly [number, string, string] {
  return [offset, event.id, sha1(body)];
}

export function sha1(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex");
}
