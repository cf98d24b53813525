import { basename, dirname, join, resolve } from "node:path";
import { createLogFile, type LogFile, type LogFileOptions } from "../logfile/log-file.ts";
import type { Disk } from "../system/disk.ts";

/**
 * One log file per real path in this process, however many write to it: two writers of one file would cut off
 * each other's entries. Who opens it first decides how it is written; who wants it otherwise is refused, for
 * neither a format nor a promise of durability can be half kept.
 */
export interface SharedLogFile {
  readonly file: LogFile;
  /** Lets go of it; the last one closes it. Call it once. */
  release(): Promise<void>;
}

/** Rejects with Node's error when the directory cannot be made or opened, else with `OtherSettingsError`. */
export async function shareLogFile(options: LogFileOptions): Promise<SharedLogFile> {
  const { disk } = options;
  const key = await realNameOf(options);
  const files = filesOf(disk);
  const settings = settingsOf(options);
  const open = files.get(key) ?? { file: createLogFile(options), settings, users: 0 };
  if (open.settings !== settings) throw new OtherSettingsError(options.path);
  open.users++;
  files.set(key, open);
  return {
    file: open.file,
    async release() {
      if (--open.users > 0) return;
      files.delete(key);
      await open.file.close();
    },
  };
}

export class OtherSettingsError extends Error {
  constructor(path: string) {
    super(
      `${path} is already written in this process in another format, or with another rotation or durability: ` +
        "give both emitters the same settings, or another path",
    );
  }
}

interface OpenFile {
  readonly file: LogFile;
  readonly settings: string;
  users: number;
}

const openFiles = new WeakMap<Disk, Map<string, OpenFile>>();

function filesOf(disk: Disk): Map<string, OpenFile> {
  const files = openFiles.get(disk) ?? new Map<string, OpenFile>();
  openFiles.set(disk, files);
  return files;
}

/** Links on the way are seen through by the directory's identity; the file itself is never followed. */
async function realNameOf({ disk, path }: LogFileOptions): Promise<string> {
  const directory = dirname(resolve(path));
  await disk.makeDirectory(directory);
  const handle = await disk.open(directory, "read");
  try {
    const { identity } = await handle.stat();
    return join(identity ?? directory, basename(path));
  } finally {
    await handle.close();
  }
}

function settingsOf({ format, rotation = {}, durable = true }: LogFileOptions): string {
  const { maxBytes, every, keep } = rotation;
  return JSON.stringify([format.starts, maxBytes, every, keep, durable]);
}
