import { codeOf, type Disk, type DiskFile } from "@sluice/sdk/internal";
import { hasHole, LINE_FEED, readKnown } from "./dead-letter.ts";

/** The front of a line says which offsets it stands for; a group names at most a batch of them. */
const FRONT_BYTES_MAX = 64 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/**
 * How many events of one life of a route (`place`) are dead letters on disk: each offset once, whatever a
 * crash wrote twice. Reads the file and changes nothing.
 */
export async function countDeadLetters(
  disk: Disk,
  directory: string,
  sink: string,
  place: string,
): Promise<number> {
  let file: DiskFile;
  try {
    file = await disk.open(`${directory}/${sink}.jsonl`, "read");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return 0;
    throw error;
  }
  const known = new Set<number>();
  let dead = 0;
  try {
    for await (const front of fronts(file)) {
      const letter = readKnown(front);
      if (letter?.place !== place) continue;
      // The first `count` of a group stand for its dead: nobody knows which they are.
      for (const [index, offset] of letter.offsets.entries()) {
        if (index < letter.count && !known.has(offset)) dead++;
        known.add(offset);
      }
    }
  } finally {
    await file.close();
  }
  return dead;
}

/** The front of each whole line that has no hole. */
async function* fronts(file: DiskFile): AsyncGenerator<string> {
  const { sizeBytes } = await file.stat();
  const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, Math.max(1, sizeBytes)));
  let front = "";
  let isTorn = false;
  for (let position = 0; ; ) {
    const count = await file.read(chunk, position);
    if (count === 0) return;
    let start = 0;
    for (;;) {
      const end = chunk.subarray(0, count).indexOf(LINE_FEED, start);
      const piece = chunk.subarray(start, end < 0 ? count : end);
      isTorn ||= hasHole(piece);
      if (front.length < FRONT_BYTES_MAX) front += piece.toString("latin1", 0, FRONT_BYTES_MAX);
      if (end < 0) break;
      if (!isTorn) yield front;
      front = "";
      isTorn = false;
      start = end + 1;
    }
    position += count;
  }
}
