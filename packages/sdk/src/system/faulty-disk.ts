import type { Disk, DiskFile } from "./disk.ts";

/** A call that is about to reach the disk. */
export interface DiskCall {
  readonly operation:
    | "open"
    | "list"
    | "rename"
    | "remove"
    | "write"
    | "read"
    | "sync"
    | "truncate"
    | "close";
  /** As it was opened; a later rename does not change it. */
  readonly path: string;
  readonly bytes: number;
  /**
   * Counts the files that were opened, so that two of one path can be told apart; 0 for what needs no open
   * file.
   */
  readonly file: number;
}

/** What goes wrong with it: an error with this code, or only so many bytes and no error. */
export type Fault = { readonly code: string } | { readonly shortBytes: number };

/**
 * A disk that fails where a test says so. The fault is asked for before each call; undefined lets it through.
 */
export function faultyDisk(disk: Disk, faultOf: (call: DiskCall) => Fault | undefined): Disk {
  let opened = 0;
  const check = (operation: DiskCall["operation"], path: string, bytes = 0, file = 0): number => {
    const fault = faultOf({ operation, path, bytes, file });
    if (!fault) return bytes;
    if ("shortBytes" in fault) return fault.shortBytes;
    throw Object.assign(new Error(`${fault.code}: ${operation} ${path}`), { code: fault.code });
  };
  return {
    async open(path, mode) {
      check("open", path);
      const number = ++opened;
      return faultyFile(await disk.open(path, mode), (operation, bytes = 0) =>
        check(operation, path, bytes, number),
      );
    },
    async list(path) {
      check("list", path);
      return disk.list(path);
    },
    async rename(from, to) {
      check("rename", from);
      return disk.rename(from, to);
    },
    async remove(path) {
      check("remove", path);
      return disk.remove(path);
    },
    makeDirectory: (path) => disk.makeDirectory(path),
    freeBytes: (path) => disk.freeBytes(path),
  };
}

function faultyFile(
  file: DiskFile,
  check: (operation: DiskCall["operation"], bytes?: number) => number,
): DiskFile {
  return {
    write(bytes, position) {
      const count = check("write", bytes.length);
      return count === 0 ? 0 : file.write(bytes.subarray(0, count), position);
    },
    async read(into, position) {
      return file.read(into.subarray(0, check("read", into.length)), position);
    },
    async sync() {
      check("sync");
      return file.sync();
    },
    async truncate(sizeBytes) {
      check("truncate");
      return file.truncate(sizeBytes);
    },
    stat: () => file.stat(),
    async close() {
      check("close");
      return file.close();
    },
  };
}
