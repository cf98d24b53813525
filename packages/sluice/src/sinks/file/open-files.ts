import { createLogFile, type LogFile, type LogFileOptions } from "@sluice/sdk/internal";

/** Descriptors that this sink may hold: a quarter of the usual limit of 1,024 for a whole process. */
const OPEN_FILES_MAX = 256;

/** Keeps the most recently used files open. */
export interface OpenFiles {
  /** The file for this path; the one that was not used for longest is closed if there are too many. */
  get(path: string): Promise<LogFile>;
  close(): Promise<void>;
}

export function createOpenFiles(
  settings: Omit<LogFileOptions, "path">,
  filesMax = OPEN_FILES_MAX,
): OpenFiles {
  /** In the order of their last use: a map keeps the order of insertion. */
  const files = new Map<string, LogFile>();
  return {
    async get(path) {
      const open = files.get(path) ?? createLogFile({ ...settings, path });
      files.delete(path);
      files.set(path, open);
      const [oldest] = files;
      if (files.size > filesMax && oldest) {
        files.delete(oldest[0]);
        await oldest[1].close();
      }
      return open;
    },
    async close() {
      await Promise.all([...files.values()].map((file) => file.close()));
      files.clear();
    },
  };
}
