import { type Disk, isNoFile } from "@sluice/sdk/internal";
import { SluiceError } from "../../errors.ts";
import { messageOf } from "./failures.ts";

/**
 * Moves to `quarantine/` what stands where a file of ours must, and is none: a directory, a link, a pipe, a
 * socket. None of them is followed, waited for or written to, and nobody has to come and remove it. Resolves
 * to the names that were moved.
 * @param names below the data directory. @throws SluiceError DATA_DIR_UNUSABLE if one cannot be moved.
 */
export async function movePlanted(
  disk: Disk,
  dataDir: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const planted: string[] = [];
  for (const name of names) if (await isPlanted(disk, `${dataDir}/${name}`)) planted.push(name);
  try {
    for (const name of planted) await moveAside(disk, `${dataDir}/${name}`, `${dataDir}/quarantine`);
    return planted;
  } catch (error) {
    throw new SluiceError("DATA_DIR_UNUSABLE", { path: dataDir, cause: messageOf(error) }, error);
  }
}

async function moveAside(disk: Disk, path: string, quarantine: string): Promise<void> {
  const taken = new Set(await disk.list(quarantine));
  const name = path.slice(path.lastIndexOf("/") + 1);
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name}.${number}`;
  await disk.rename(path, `${quarantine}/${free}`);
}

async function isPlanted(disk: Disk, path: string): Promise<boolean> {
  try {
    const file = await disk.open(path, "read");
    try {
      await file.read(new Uint8Array(1), 0);
      return false;
    } finally {
      await file.close();
    }
  } catch (error) {
    // Whatever else is the matter with it is for its owner to say.
    return isNoFile(error);
  }
}
