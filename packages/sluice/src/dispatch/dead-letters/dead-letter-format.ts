import { type Disk, isNoFile } from "@sluice/sdk/internal";
import { SluiceError } from "../../errors.ts";

/**
 * Dead letters as dead-letter.ts writes them are format 1, and do not say so. A file that an older reader
 * must leave alone begins with {"format":N in every later one.
 */
const KNOWN_FORMAT = 1;
const FORMAT = /^\{"format":(\d{1,9})\b/;
/** As much as says the format. */
const BEGINNING_BYTES = 64;

/** Reads how each file begins. @throws SluiceError SPOOL_TOO_NEW if a later version wrote one of them. */
export async function checkDeadLetterFormats(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (!name.endsWith(".jsonl")) continue;
    const path = `${directory}/${name}`;
    const format = Number(FORMAT.exec(await beginningOf(disk, path))?.[1] ?? KNOWN_FORMAT);
    if (format > KNOWN_FORMAT) throw new SluiceError("SPOOL_TOO_NEW", { path, format, known: KNOWN_FORMAT });
  }
}

async function beginningOf(disk: Disk, path: string): Promise<string> {
  try {
    const file = await disk.open(path, "read");
    try {
      const bytes = Buffer.alloc(BEGINNING_BYTES);
      return bytes.toString("latin1", 0, await file.read(bytes, 0));
    } finally {
      // It was only read: what closing it says is no reason to refuse.
      await file.close().catch(() => undefined);
    }
  } catch (error) {
    // A directory, a link or a pipe by that name is no file of ours.
    if (isNoFile(error)) return "";
    throw error;
  }
}
