import type { Disk, DiskFile } from "@sluice/sdk/internal";

/**
 * A disk in memory that answers within the microtask queue, so that a manual clock sees every step. Fails
 * when told to.
 */
export class MemoryDisk implements Disk {
  readonly files = new Map<string, Buffer>();
  /** What a power cut would leave. */
  readonly synced = new Map<string, Buffer>();
  syncs = 0;
  /** Bytes that still fit; fewer than are written makes a short write, as Node does. */
  freeLeft = Number.POSITIVE_INFINITY;
  syncError: string | undefined;

  text(path: string): string {
    return this.files.get(path)?.toString() ?? "";
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    if (!this.files.has(path) && mode !== "read") this.files.set(path, Buffer.alloc(0));
    return new MemoryFile(this, path);
  }

  async list(path: string): Promise<string[]> {
    return [...this.files.keys()].filter((name) => name.startsWith(path));
  }

  async rename(from: string, to: string): Promise<void> {
    this.files.set(to, this.files.get(from) ?? Buffer.alloc(0));
    this.files.delete(from);
  }

  async remove(path: string): Promise<void> {
    this.files.delete(path);
  }

  async makeDirectory(): Promise<void> {}

  async freeBytes(): Promise<number> {
    return this.freeLeft;
  }
}

class MemoryFile implements DiskFile {
  readonly #disk: MemoryDisk;
  readonly #path: string;

  constructor(disk: MemoryDisk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  write(bytes: Uint8Array, position: number): number {
    const count = Math.min(bytes.length, this.#disk.freeLeft);
    const old = this.#bytes;
    const next = Buffer.alloc(Math.max(old.length, position + count));
    old.copy(next);
    next.set(bytes.subarray(0, count), position);
    this.#disk.files.set(this.#path, next);
    return count;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const found = this.#bytes.subarray(position, position + into.length);
    into.set(found);
    return found.length;
  }

  async sync(): Promise<void> {
    this.#disk.syncs++;
    if (this.#disk.syncError) throw Object.assign(new Error("sync"), { code: this.#disk.syncError });
    this.#disk.synced.set(this.#path, Buffer.from(this.#bytes));
  }

  async truncate(sizeBytes: number): Promise<void> {
    const next = Buffer.alloc(sizeBytes);
    this.#bytes.copy(next);
    this.#disk.files.set(this.#path, next);
  }

  async stat(): Promise<{ sizeBytes: number; modifiedAtMs: number }> {
    return { sizeBytes: this.#bytes.length, modifiedAtMs: 0 };
  }

  async close(): Promise<void> {}

  get #bytes(): Buffer {
    return this.#disk.files.get(this.#path) ?? Buffer.alloc(0);
  }
}
