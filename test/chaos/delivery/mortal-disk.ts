import { type Disk, type DiskFile, systemDisk } from "@sluice/sdk/internal";

/** Where a process dies: at the first write to such a file that is meant. */
export interface DeathAt {
  /** A part of its path. */
  readonly file: string;
  readonly isMeant: (bytes: Buffer) => boolean;
  /** Before anything of it is written, or when all of it is in the page cache. */
  readonly moment: "before" | "after";
}

/** A process is over: what it does from then on, the world does not see. */
export class Life {
  isOver = false;
  readonly #deathAt: DeathAt | undefined;

  constructor(deathAt?: DeathAt) {
    this.#deathAt = deathAt;
  }

  end(): void {
    this.isOver = true;
  }

  /** True if it dies at this write, at the moment that is asked for. */
  diesAt(path: string, bytes: Uint8Array, moment: DeathAt["moment"]): boolean {
    const at = this.#deathAt;
    if (this.isOver || at?.moment !== moment || !path.includes(at.file)) return false;
    if (!at.isMeant(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))) return false;
    this.end();
    return true;
  }
}

/** The machine's disk as a process sees it that dies: what it changes after that, it only believes to. */
export function mortalDisk(life: Life): Disk {
  return {
    async open(path, mode) {
      if (life.isOver && mode !== "read") return NOWHERE;
      return mortalFile(await systemDisk.open(path, mode), path, life);
    },
    list: (path) => systemDisk.list(path),
    rename: async (from, to) => (life.isOver ? undefined : systemDisk.rename(from, to)),
    remove: async (path) => (life.isOver ? undefined : systemDisk.remove(path)),
    makeDirectory: async (path) => (life.isOver ? undefined : systemDisk.makeDirectory(path)),
    freeBytes: (path) => systemDisk.freeBytes(path),
  };
}

function mortalFile(file: DiskFile, path: string, life: Life): DiskFile {
  return {
    write(bytes, position) {
      if (life.isOver || life.diesAt(path, bytes, "before")) return bytes.length;
      const written = file.write(bytes, position);
      life.diesAt(path, bytes, "after");
      return written;
    },
    read: (into, position) => file.read(into, position),
    sync: async () => (life.isOver ? undefined : file.sync()),
    truncate: async (sizeBytes) => (life.isOver ? undefined : file.truncate(sizeBytes)),
    stat: () => file.stat(),
    close: () => file.close(),
  };
}

const NOWHERE: DiskFile = {
  write: (bytes) => bytes.length,
  read: async () => 0,
  sync: async () => {},
  truncate: async () => {},
  stat: async () => ({ sizeBytes: 0, modifiedAtMs: 0 }),
  close: async () => {},
};
