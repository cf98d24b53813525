import { BODY_BYTES_MAX, ITEMS_PER_REQUEST_MAX } from "../../event/limits.ts";
import { type Backlog, type Lines, REQUEST_BYTES } from "./backlog.ts";
import { LineBuffer } from "./line-buffer.ts";
import type { SpillDirectory } from "./spill-directory.ts";

/** Lines that wait in memory, in pieces of a request each. With a directory, the last of them go there. */
export class MemoryBacklog implements Backlog {
  readonly #bytesMax: number;
  readonly #directory: SpillDirectory | undefined;
  /** Oldest first; the last one is written to, unless it was given. */
  #buffers: LineBuffer[] = [];
  #spare: LineBuffer | undefined;
  #given: LineBuffer | undefined;
  #sizeBytes = 0;

  constructor(bytesMax: number, directory?: SpillDirectory) {
    this.#bytesMax = bytesMax;
    this.#directory = directory;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(line: Uint8Array): boolean {
    if (this.#sizeBytes + line.length > this.#bytesMax) return false;
    const buffer = this.#writable();
    if (buffer.add(line)) {
      this.#sizeBytes += line.length;
      return true;
    }
    // A large one may fit where it is alone.
    if (buffer.lines === 0) return false;
    this.#buffers.push(new LineBuffer(BODY_BYTES_MAX));
    return this.add(line);
  }

  async next(): Promise<Lines | undefined> {
    const [oldest] = this.#buffers;
    if (oldest === undefined || oldest.lines === 0) return undefined;
    this.#given = oldest;
    return { bytes: oldest.bytes, events: oldest.lines };
  }

  settle(): void {
    const buffer = this.#given;
    if (buffer === undefined) return;
    this.#buffers.shift();
    this.#given = undefined;
    this.#sizeBytes -= buffer.sizeBytes;
    buffer.clear();
    this.#spare = buffer;
  }

  leave(): number {
    const waiting = this.#buffers.filter(({ lines }) => lines > 0);
    this.#buffers = [];
    this.#sizeBytes = 0;
    const left = waiting.length > 0 && this.#directory !== undefined ? leaveIn(this.#directory, waiting) : 0;
    return waiting.reduce((sum, { lines }) => sum + lines, 0) - left;
  }

  #writable(): LineBuffer {
    const newest = this.#buffers.at(-1);
    const isOpen =
      newest !== undefined &&
      newest !== this.#given &&
      newest.sizeBytes < REQUEST_BYTES &&
      newest.lines < ITEMS_PER_REQUEST_MAX;
    if (isOpen) return newest;
    const buffer = this.#spare ?? new LineBuffer(BODY_BYTES_MAX);
    this.#spare = undefined;
    this.#buffers.push(buffer);
    return buffer;
  }
}

/** Writes as many buffers, oldest first, as the directory may hold. Returns how many events those are. */
function leaveIn(directory: SpillDirectory, buffers: readonly LineBuffer[]): number {
  let roomBytes = directory.roomBytes();
  const file = directory.create();
  if (file === undefined) return 0;
  let left = 0;
  try {
    for (const { bytes, sizeBytes, lines } of buffers) {
      roomBytes -= sizeBytes;
      if (roomBytes < 0) {
        directory.tellFull();
        break;
      }
      file.append(bytes);
      left += lines;
    }
    file.leave();
  } catch (error) {
    directory.tell(error);
  }
  return left;
}
