import { codeOf, systemDisk } from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";

/** A whole text; - is standard input. Rejects with INPUT_UNREADABLE. */
export async function readInput(path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of path === "-" ? process.stdin : fileChunks(path)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const CHUNK_BYTES = 256 * 1024;

/** A file's bytes, piece by piece. Rejects with INPUT_UNREADABLE. */
export async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  const file = await systemDisk.open(path, "read").catch((error) => {
    throw new SluiceError("INPUT_UNREADABLE", { path, cause: codeOf(error) ?? String(error) }, error);
  });
  try {
    for (let position = 0; ; ) {
      const bytes = new Uint8Array(CHUNK_BYTES);
      const length = await file.read(bytes, position);
      if (length === 0) return;
      position += length;
      yield bytes.subarray(0, length);
    }
  } finally {
    await file.close();
  }
}
