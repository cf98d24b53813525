import { appendText, closeDescriptor, codeOf, type Disk, openForAppend } from "@sluice/sdk/internal";
import type { LogDestination } from "./logger.ts";

/** Some 50,000 lines: days of ordinary work. With the one before it, what a log can take of the disk. */
const LOG_BYTES_MAX = 16 * 1024 * 1024;

export interface DaemonLog extends LogDestination {
  close(): void;
}

/**
 * Appends lines to a file; a full one is renamed to NAME.1, which replaces the one before. Rejects if it
 * cannot be opened.
 */
export async function openDaemonLog(
  path: string,
  disk: Disk,
  sizeBytesMax = LOG_BYTES_MAX,
): Promise<DaemonLog> {
  let descriptor: number | undefined = openForAppend(path);
  let sizeBytes = await sizeOf(disk, path);
  let isRotating = false;

  const rotate = async () => {
    try {
      await disk.rename(path, `${path}.1`);
    } catch (error) {
      // Somebody else moved or removed it: its name is free, and all that is left to do is to take it.
      if (codeOf(error) !== "ENOENT") throw error;
    }
    if (descriptor === undefined) return;
    const full = descriptor;
    descriptor = openForAppend(path);
    closeDescriptor(full);
    sizeBytes = 0;
  };

  return {
    write(line) {
      if (descriptor === undefined) return;
      try {
        appendText(descriptor, line);
      } catch {
        // A full disk must stop no delivery; status and metrics still tell what goes on.
      }
      sizeBytes += Buffer.byteLength(line);
      if (sizeBytes < sizeBytesMax || isRotating) return;
      isRotating = true;
      // Not renamed or not reopened: the old file goes on, and the next line tries again.
      rotate().then(
        () => {
          isRotating = false;
        },
        () => {
          isRotating = false;
        },
      );
    },
    close() {
      if (descriptor !== undefined) closeDescriptor(descriptor);
      descriptor = undefined;
    },
  };
}

async function sizeOf(disk: Disk, path: string): Promise<number> {
  const file = await disk.open(path, "read");
  try {
    return (await file.stat()).sizeBytes;
  } finally {
    await file.close();
  }
}
