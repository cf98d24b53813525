import type { Disk, DiskFile, FileState } from "./disk.ts";

/**
 * A disk on which one sync runs at a time, first come, first served. A sync occupies a thread of the pool
 * that DNS and every other file operation share: with four hung syncs on Node's default pool a name look-up
 * was measured to take as long as the disk hung. One at a time costs nothing, because a device serves them
 * one after the other anyway.
 */
export function oneSyncAtATime(disk: Disk): Disk {
  const queue = new SyncQueue();
  return {
    open: async (path, mode) => new QueuedFile(await disk.open(path, mode), queue),
    list: (path) => disk.list(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    freeBytes: (path) => disk.freeBytes(path),
  };
}

class SyncQueue {
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  async run(file: DiskFile): Promise<void> {
    // The turn is handed over while the queue stays busy, so that nobody who comes later slips in between.
    if (this.#isBusy) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#isBusy = true;
    try {
      await file.sync();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#isBusy = false;
    }
  }
}

class QueuedFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #queue: SyncQueue;

  constructor(file: DiskFile, queue: SyncQueue) {
    this.#file = file;
    this.#queue = queue;
  }

  write(bytes: Uint8Array, position: number): number {
    return this.#file.write(bytes, position);
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#file.read(into, position);
  }

  sync(): Promise<void> {
    return this.#queue.run(this.#file);
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#file.truncate(sizeBytes);
  }

  stat(): Promise<FileState> {
    return this.#file.stat();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
