import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { MemoryDisk } from "@sluice/sdk/internal";
import type { Call } from "./crash-states-trace.ts";

/**
 * A disk as the calls of a trace leave it: what is durable, and what is not yet. A power cut keeps any part
 * of the latter; each of its parts is a unit that is kept or lost on its own:
 * - a sector of a write, 512 bytes. What lies there otherwise is what lay there before, or zeros;
 * - the growth of a file by a write. Kept without its sectors, the file has zeros there; lost while a sector
 *   behind is kept, the file reaches as far as that sector does;
 * - a truncation;
 * - a change of names: a file made, renamed or removed, a directory made. A rename is never half.
 *
 * fsync and fdatasync of a file make its bytes and its size durable, as far as they were written when it
 * began, and not its name; fsync of a directory does that for the changes of names in it. That is less than
 * any journaling file system does, which keeps changes of names in their order.
 */
export type Unit =
  | { readonly kind: "sector"; readonly file: File; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: "growth"; readonly file: File; readonly sizeBytes: number }
  | { readonly kind: "truncation"; readonly file: File; readonly sizeBytes: number }
  | { readonly kind: "names"; readonly changes: readonly NameChange[] };

interface NameChange {
  readonly path: string;
  readonly entry: Entry | undefined;
}

type Entry = File | Directory;

interface Directory {
  readonly kind: "directory";
  readonly path: string;
}

interface File {
  readonly kind: "file";
  durable: Buffer;
  /** Of the durable bytes; undefined until somebody asks. */
  digest: string | undefined;
  /** With everything that was written. */
  liveBytes: number;
}

interface Pending {
  readonly order: number;
  readonly unit: Unit;
}

const SECTOR_BYTES = 512;

export class RecordedDisk {
  readonly #root: string;
  readonly #inodes = new Map<bigint, Entry>();
  readonly #live = new Map<string, Entry>();
  readonly #durable = new Map<string, Entry>();
  #pending: Pending[] = [];
  readonly #syncs = new Map<string, number>();
  #order = 0;

  /** @param root the directory that was recorded; it is there from the start. */
  constructor(root: string, inode: bigint) {
    this.#root = root;
    this.#inodes.set(inode, { kind: "directory", path: root });
  }

  /** What a power cut now may keep or lose, in the order in which it was done. */
  get units(): readonly Unit[] {
    return this.#pending.map(({ unit }) => unit);
  }

  apply(call: Call): void {
    this.#order++;
    switch (call.kind) {
      case "create":
        this.#make(
          call.inode,
          { kind: "file", durable: Buffer.alloc(0), digest: undefined, liveBytes: 0 },
          call.path,
        );
        break;
      case "makeDirectory":
        this.#make(call.inode, { kind: "directory", path: call.path }, call.path);
        break;
      case "rename":
        this.#rename([
          { path: call.path, entry: undefined },
          { path: call.to, entry: this.#named(call.path) },
        ]);
        break;
      case "remove":
        this.#rename([{ path: call.path, entry: undefined }]);
        break;
      case "write":
        this.#write(this.#file(call.inode), call.position, call.bytes);
        break;
      case "truncate":
        this.#truncate(this.#file(call.inode), call.sizeBytes);
        break;
      case "syncBegin":
        this.#syncs.set(`${call.inode} ${call.descriptor}`, this.#order);
        break;
      case "syncEnd":
        this.#synced(call.inode, this.#syncs.get(`${call.inode} ${call.descriptor}`) ?? 0);
        break;
      case "mark":
        break;
    }
  }

  /**
   * The disk after a power cut that kept these units and lost the others. `hash` names its content; the same
   * content has the same.
   */
  after(isKept: (unit: Unit) => boolean): { readonly hash: string; build(): MemoryDisk } {
    const kept = this.units.filter(isKept);
    const names = new Map(this.#durable);
    for (const unit of kept) if (unit.kind === "names") rename(names, unit.changes);
    const changed = new Map<File, Buffer>();
    for (const unit of kept) {
      if (unit.kind !== "names")
        changed.set(unit.file, changedBy(changed.get(unit.file) ?? unit.file.durable, unit));
    }
    const there = [...names].filter(([path]) => this.#isReachable(path, names)).sort(byPath);
    const hash = createHash("sha1");
    for (const [path, entry] of there) hash.update(`${path}\n${digestOf(entry, changed)}\n`);
    return {
      hash: hash.digest("hex"),
      build: () => {
        const disk = new MemoryDisk();
        for (const [path, entry] of there) {
          if (entry.kind === "directory") void disk.makeDirectory(path);
          else disk.put(path, changed.get(entry) ?? entry.durable);
        }
        return disk;
      },
    };
  }

  /** A file whose directory is lost is lost with it. */
  #isReachable(path: string, names: ReadonlyMap<string, Entry>): boolean {
    for (let at = dirname(path); at !== this.#root; at = dirname(at)) if (!names.has(at)) return false;
    return true;
  }

  #file(inode: bigint): File {
    const file = this.#inodes.get(inode);
    if (file?.kind !== "file") throw new Error(`the file ${inode} is written to, and was never made`);
    return file;
  }

  #named(path: string): Entry {
    const entry = this.#live.get(path);
    if (!entry) throw new Error(`${path} is renamed, and was never made`);
    return entry;
  }

  #add(unit: Unit): void {
    this.#pending.push({ order: this.#order, unit });
  }

  #make(inode: bigint, entry: Entry, path: string): void {
    this.#inodes.set(inode, entry);
    this.#rename([{ path, entry }]);
  }

  #truncate(file: File, sizeBytes: number): void {
    file.liveBytes = sizeBytes;
    this.#add({ kind: "truncation", file, sizeBytes });
  }

  #rename(changes: readonly NameChange[]): void {
    rename(this.#live, changes);
    this.#add({ kind: "names", changes });
  }

  #write(file: File, position: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
      this.#add({ kind: "sector", file, position: position + at, bytes: bytes.subarray(at, end) });
      at = end;
    }
    const sizeBytes = position + bytes.length;
    if (sizeBytes <= file.liveBytes) return;
    file.liveBytes = sizeBytes;
    this.#add({ kind: "growth", file, sizeBytes });
  }

  #synced(inode: bigint, before: number): void {
    const entry = this.#inodes.get(inode);
    const covers = ({ order, unit }: Pending): boolean => {
      if (order >= before) return false;
      if (unit.kind !== "names") return unit.file === entry;
      return entry?.kind === "directory" && unit.changes.some(({ path }) => dirname(path) === entry.path);
    };
    for (const pending of this.#pending) {
      if (!covers(pending)) continue;
      const { unit } = pending;
      if (unit.kind === "names") rename(this.#durable, unit.changes);
      else {
        unit.file.durable = changedBy(unit.file.durable, unit);
        unit.file.digest = undefined;
      }
    }
    this.#pending = this.#pending.filter((pending) => !covers(pending));
  }
}

function rename(names: Map<string, Entry>, changes: readonly NameChange[]): void {
  for (const { path, entry } of changes) {
    if (entry) names.set(path, entry);
    else names.delete(path);
  }
}

/** A copy with the unit kept. */
function changedBy(bytes: Buffer, unit: Exclude<Unit, { readonly kind: "names" }>): Buffer {
  const sizeBytes =
    unit.kind === "sector"
      ? Math.max(bytes.length, unit.position + unit.bytes.length)
      : unit.kind === "growth"
        ? Math.max(bytes.length, unit.sizeBytes)
        : unit.sizeBytes;
  const changed = Buffer.alloc(sizeBytes);
  bytes.copy(changed, 0, 0, sizeBytes);
  if (unit.kind === "sector") unit.bytes.copy(changed, unit.position);
  return changed;
}

function digestOf(entry: Entry, changed: ReadonlyMap<File, Buffer>): string {
  if (entry.kind === "directory") return "directory";
  const bytes = changed.get(entry);
  if (bytes) return sha1(bytes);
  entry.digest ??= sha1(entry.durable);
  return entry.digest;
}

function sha1(bytes: Buffer): string {
  return createHash("sha1").update(bytes).digest("hex");
}

function byPath([left]: readonly [string, Entry], [right]: readonly [string, Entry]): number {
  return left < right ? -1 : 1;
}
