import * as fs from "node:fs";
import * as fsp from "node:fs/promises";

/**
 * Reads a small text file that a person or an orchestrator put there: a configuration, a secret. Follows
 * links, because Kubernetes mounts both as links; never blocks on a pipe, and refuses what is no regular file
 * or is larger than the limit. Rejects with Node's error, or with one whose code is EFBIG or EINVAL.
 */
export async function readTextFile(path: string, sizeBytesMax: number): Promise<string> {
  const file = await fsp.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw codedError("EINVAL", "not a regular file");
    if (stats.size > sizeBytesMax) throw codedError("EFBIG", `larger than ${sizeBytesMax} bytes`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/**
 * A descriptor for a log: appends, mode 0600, never through a link. The caller closes it with
 * `closeDescriptor`.
 */
export function openForAppend(path: string): number {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  return fs.openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0o600);
}

/**
 * Appends to it, synchronously: a log line costs a copy into the page cache, and a crash right after keeps
 * it.
 */
export function appendText(descriptor: number, text: string): void {
  fs.writeSync(descriptor, text);
}

export function closeDescriptor(descriptor: number): void {
  fs.closeSync(descriptor);
}

function codedError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
