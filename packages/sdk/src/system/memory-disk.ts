import type { Disk, DiskFile, OpenMode } from "./disk.ts";
import type { Random } from "./random.ts";

/** What happened to a file since its last sync, in order. */
type Change = { readonly position: number; readonly bytes: Uint8Array } | { readonly sizeBytes: number };
type NameChange = { readonly path: string; readonly inode: Inode | undefined };

interface Inode {
  live: Uint8Array;
  durable: Uint8Array;
  changes: Change[];
  modifiedAtMs: number;
}

/** What a disk writes at once: after a power cut each is there or is not. */
const SECTOR_BYTES = 512;

/**
 * A disk in memory that tells what is durable from what is not, for tests. A file's bytes are durable once it
 * is synced, its name once its directory is. `crash` is a power cut: it takes what is not durable, all of it
 * or any part, and ends all open files.
 */
export class MemoryDisk implements Disk {
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  #nameChanges: (readonly NameChange[])[] = [];
  readonly #directories = new Set<string>(["/"]);
  readonly #open = new WeakMap<DiskFile, Inode>();
  #life = 0;
  /** What files may take in all. A test makes the volume smaller or larger while it is in use. */
  capacityBytes: number;

  constructor(capacityBytes = Number.POSITIVE_INFINITY) {
    this.capacityBytes = capacityBytes;
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    if (this.#directories.has(path)) {
      if (mode === "read") return this.#openDirectory(path);
      throw failure("EISDIR", path);
    }
    const known = this.#names.get(path);
    if (known && mode === "create") throw failure("EEXIST", path);
    if (!known && mode === "read") throw failure("ENOENT", path);
    const inode = known ?? { live: empty, durable: empty, changes: [], modifiedAtMs: 0 };
    if (!known) this.#rename([{ path, inode }]);
    return this.#openFile(inode, mode === "append");
  }

  async list(path: string): Promise<string[]> {
    const inside = [...this.#names.keys(), ...this.#directories].filter((name) => parentOf(name) === path);
    return inside.map((name) => name.slice(name.lastIndexOf("/") + 1)).sort();
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#names.get(from);
    if (!inode) throw failure("ENOENT", from);
    this.#rename([
      { path: from, inode: undefined },
      { path: to, inode },
    ]);
  }

  async remove(path: string): Promise<void> {
    if (this.#names.has(path)) this.#rename([{ path, inode: undefined }]);
  }

  async makeDirectory(path: string): Promise<void> {
    for (let at = path; at !== ""; at = parentOf(at)) this.#directories.add(at);
  }

  async freeBytes(): Promise<number> {
    return this.capacityBytes - this.usedBytes;
  }

  /**
   * The bytes of a file as they are now. For a test that looks at them or changes them behind everybody's
   * back.
   */
  bytesOf(path: string): Uint8Array {
    const inode = this.#names.get(path);
    if (!inode) throw failure("ENOENT", path);
    return inode.live;
  }

  /** Replaces a file, durably. */
  put(path: string, bytes: Uint8Array): void {
    const inode = {
      live: Uint8Array.from(bytes),
      durable: Uint8Array.from(bytes),
      changes: [],
      modifiedAtMs: 0,
    };
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  /** Every file's path. */
  get paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The same files on another disk, durable as they are now. */
  copy(): MemoryDisk {
    const disk = new MemoryDisk(this.capacityBytes);
    for (const directory of this.#directories) disk.#directories.add(directory);
    for (const [path, inode] of this.#names) disk.put(path, inode.live);
    return disk;
  }

  /**
   * A power cut. Without `random` everything that was not synced is lost; with it each unsynced sector is
   * kept or lost by chance, and of the name changes any number, in their order, as a journal keeps them.
   */
  crash(random?: Random): void {
    this.#life++;
    const kept = random ? Math.floor(random.fraction() * (this.#nameChanges.length + 1)) : 0;
    for (const changes of this.#nameChanges.slice(0, kept)) apply(changes, this.#durableNames);
    this.#nameChanges = [];
    this.#names.clear();
    for (const [path, inode] of this.#durableNames) this.#names.set(path, inode);
    for (const inode of new Set(this.#names.values())) {
      for (const change of inode.changes) {
        if (random) inode.durable = afterChange(inode.durable, change, () => random.fraction() < 0.5);
      }
      inode.changes = [];
      inode.live = Uint8Array.from(inode.durable);
    }
  }

  /**
   * What a failed sync does on Linux: whatever was written to this open file since its last sync can still be
   * read, counts as written, and is not brought to the disk by any later sync.
   */
  loseChanges(file: DiskFile): void {
    const inode = this.#open.get(file);
    if (inode) inode.changes = [];
  }

  /** What all files take. */
  get usedBytes(): number {
    let bytes = 0;
    for (const inode of this.#names.values()) bytes += inode.live.length;
    return bytes;
  }

  #rename(changes: readonly NameChange[]): void {
    apply(changes, this.#names);
    this.#nameChanges.push(changes);
  }

  #openDirectory(path: string): DiskFile {
    return {
      write: () => {
        throw failure("EISDIR", path);
      },
      read: () => Promise.reject(failure("EISDIR", path)),
      sync: async () => {
        const isInside = (changes: readonly NameChange[]) =>
          changes.some((change) => parentOf(change.path) === path);
        for (const changes of this.#nameChanges.filter(isInside)) apply(changes, this.#durableNames);
        this.#nameChanges = this.#nameChanges.filter((changes) => !isInside(changes));
      },
      truncate: () => Promise.reject(failure("EISDIR", path)),
      stat: async () => ({ sizeBytes: 0, modifiedAtMs: 0 }),
      close: async () => {},
    };
  }

  #openFile(inode: Inode, isAppended: boolean): DiskFile {
    const life = this.#life;
    const use = () => {
      if (life !== this.#life) throw failure("EBADF", "a file that was open when the power went");
      return inode;
    };
    const change = (made: Change) => {
      inode.live = afterChange(inode.live, made, always);
      inode.changes.push(made);
    };
    const file: DiskFile = {
      write: (bytes, given) => {
        const position = isAppended ? use().live.length : given;
        const growth = Math.max(0, position + bytes.length - use().live.length);
        const room = Math.max(0, this.capacityBytes - this.usedBytes);
        const count = Math.min(bytes.length, bytes.length - growth + room);
        if (count <= 0 && bytes.length > 0) throw failure("ENOSPC", "write");
        // A copy, which a Buffer's own `slice` would not be: whoever writes may use the buffer again.
        change({ position, bytes: Uint8Array.from(bytes.subarray(0, count)) });
        return count;
      },
      read: async (into, position) => {
        const part = use().live.subarray(position, position + into.length);
        into.set(part);
        return part.length;
      },
      sync: async () => {
        for (const made of use().changes) inode.durable = afterChange(inode.durable, made, always);
        inode.changes = [];
      },
      truncate: async (sizeBytes) => {
        use();
        change({ sizeBytes });
      },
      stat: async () => ({ sizeBytes: use().live.length, modifiedAtMs: inode.modifiedAtMs }),
      close: async () => {},
    };
    this.#open.set(file, inode);
    return file;
  }
}

const empty = new Uint8Array(0);

function apply(changes: readonly NameChange[], names: Map<string, Inode>): void {
  for (const { path, inode } of changes) {
    if (inode) names.set(path, inode);
    else names.delete(path);
  }
}

/** Bytes after a change of which each sector happened or did not. In place where the size allows. */
function afterChange(before: Uint8Array, change: Change, happens: () => boolean): Uint8Array {
  if ("sizeBytes" in change) return happens() ? resized(before, change.sizeBytes) : before;
  const { position, bytes } = change;
  let after = before;
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
    if (happens()) {
      if (after.length < position + end)
        after = resized(after, position + (happens === always ? bytes.length : end));
      after.set(bytes.subarray(at, end), position + at);
    }
    at = end;
  }
  return after;
}

const always = () => true;

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(bytes.subarray(0, size));
  return copy;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function failure(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
