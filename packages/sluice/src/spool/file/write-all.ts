import type { DiskFile } from "@sluice/sdk/internal";

/**
 * Writes all bytes or throws. On a full disk Node reports a short write and no error; the error comes with
 * the next attempt, so the rest is tried once more and its error, or ENOSPC, is thrown. What was written by
 * then is the caller's to take back.
 */
export function writeAll(file: DiskFile, bytes: Uint8Array, position: number): void {
  const count = file.write(bytes, position);
  if (count === bytes.length) return;
  const rest = file.write(bytes.subarray(count), position + count);
  if (count + rest < bytes.length) {
    const message = `ENOSPC: wrote ${count + rest} of ${bytes.length} bytes`;
    throw Object.assign(new Error(message), { code: "ENOSPC" });
  }
}
