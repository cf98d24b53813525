import type { Disk, DiskFile } from "@sluice/sdk/internal";

export type HangingCall = "open" | "list" | "rename" | "remove" | "freeBytes" | "read" | "sync" | "truncate";

/**
 * A disk that does not answer where a test says so, until it is told to. A call that hangs has not been made
 * yet.
 */
export class HangingDisk {
  readonly disk: Disk;
  #hangs: (call: HangingCall, path: string) => boolean = () => false;
  #released = Promise.withResolvers<void>();

  constructor(disk: Disk) {
    this.disk = {
      open: async (path, mode) => {
        await this.#meet("open", path);
        return this.#file(await disk.open(path, mode), path);
      },
      list: async (path) => {
        await this.#meet("list", path);
        return disk.list(path);
      },
      rename: async (from, to) => {
        await this.#meet("rename", from);
        return disk.rename(from, to);
      },
      remove: async (path) => {
        await this.#meet("remove", path);
        return disk.remove(path);
      },
      makeDirectory: (path) => disk.makeDirectory(path),
      freeBytes: async (path) => {
        await this.#meet("freeBytes", path);
        return disk.freeBytes(path);
      },
    };
  }

  /** Calls for which this is true hang from now on. */
  hang(hangs: (call: HangingCall, path: string) => boolean): void {
    this.#hangs = hangs;
    this.#released = Promise.withResolvers();
  }

  /** Everything that hangs goes on, and nothing hangs any more. */
  release(): void {
    this.#hangs = () => false;
    this.#released.resolve();
  }

  async #meet(call: HangingCall, path: string): Promise<void> {
    if (this.#hangs(call, path)) await this.#released.promise;
  }

  #file(file: DiskFile, path: string): DiskFile {
    return {
      write: (bytes, position) => file.write(bytes, position),
      read: async (into, position) => {
        await this.#meet("read", path);
        return file.read(into, position);
      },
      sync: async () => {
        await this.#meet("sync", path);
        return file.sync();
      },
      truncate: async (sizeBytes) => {
        await this.#meet("truncate", path);
        return file.truncate(sizeBytes);
      },
      stat: () => file.stat(),
      close: () => file.close(),
    };
  }
}
