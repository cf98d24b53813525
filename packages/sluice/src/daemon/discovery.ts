import { join } from "node:path";
import { codeOf, DISCOVERY_FILE, type Discovery, type Disk, readDiscovery } from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";

/** Replaces what is there in one step: a reader sees the old file or the new one, never half of one. */
export async function writeDiscovery(disk: Disk, dataDir: string, discovery: Discovery): Promise<void> {
  const temporary = join(dataDir, `${DISCOVERY_FILE}.${discovery.nonce.slice(0, 8)}.tmp`);
  const file = await disk.open(temporary, "create");
  try {
    const bytes = Buffer.from(`${JSON.stringify(discovery, undefined, 2)}\n`);
    const written = file.write(bytes, 0);
    if (written < bytes.length) throw Object.assign(new Error("ENOSPC: short write"), { code: "ENOSPC" });
  } finally {
    await file.close();
  }
  await disk.rename(temporary, join(dataDir, DISCOVERY_FILE));
}

/**
 * What the SDK reads too. Undefined when there is none, or none that can be read as one: then nothing is
 * known to run there. Rejects with DATA_DIR_UNREADABLE, for instance for another user.
 */
export async function findDiscovery(disk: Disk, dataDir: string): Promise<Discovery | undefined> {
  try {
    return await readDiscovery(disk, dataDir);
  } catch (error) {
    const cause = codeOf(error) ?? String(error);
    throw new SluiceError("DATA_DIR_UNREADABLE", { path: dataDir, cause }, error);
  }
}

/** Removes it if it is still this daemon's own. */
export async function removeDiscovery(disk: Disk, dataDir: string, nonce: string): Promise<void> {
  const found = await findDiscovery(disk, dataDir);
  if (found?.nonce === nonce) await disk.remove(join(dataDir, DISCOVERY_FILE));
}
