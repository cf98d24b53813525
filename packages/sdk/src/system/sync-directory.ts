import type { Disk } from "./disk.ts";

/** Makes the names in a directory durable: a file that was made, renamed or removed is so only after this. */
export async function syncDirectory(disk: Disk, path: string): Promise<void> {
  const directory = await disk.open(path, "read");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
