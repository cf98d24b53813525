import { join } from "node:path";
import type { ProcessTable } from "../../system/process-table.ts";
import type { Random } from "../../system/random.ts";
import type { SyncDisk } from "../../system/sync-disk.ts";
import { messageOf } from "../drop.ts";
import { SpillFile } from "./spill-file.ts";
import { encodeSpillHeader, spillFileName, spillStateOf } from "./spill-format.ts";

export interface SpillDirectoryOptions {
  readonly disk: SyncDisk;
  readonly path: string;
  readonly processes: ProcessTable;
  readonly random: Random;
  /** All spill files of the directory together, whoever wrote them. */
  readonly bytesMax: number;
  /** Told when files cannot be written; not again before one could. */
  readonly onProblem: (problem: string) => void;
}

/** Where one emitter makes its spill files. */
export class SpillDirectory {
  readonly #options: SpillDirectoryOptions;
  readonly #writer: string;
  #files = 0;
  #isFailing = false;

  constructor(options: SpillDirectoryOptions) {
    this.#options = options;
    this.#writer = Buffer.from(options.random.fill(new Uint8Array(16))).toString("hex");
  }

  /** A new file of ours, or undefined if there can be none: that is told. */
  create(): SpillFile | undefined {
    const { disk, path, processes } = this.#options;
    try {
      disk.makeDirectory(path);
      const number = ++this.#files;
      const name = (state: "live" | "left") => join(path, spillFileName(this.#writer, number, state));
      const file = new SpillFile(disk, name("live"), name("left"), encodeSpillHeader(processes.self));
      this.#isFailing = false;
      return file;
    } catch (error) {
      this.tell(error);
      return undefined;
    }
  }

  /** What may still be written, as the directory is now. */
  roomBytes(): number {
    const { disk, path, bytesMax } = this.#options;
    try {
      return bytesMax - disk.bytesIn(path, (name) => spillStateOf(name) !== undefined);
    } catch {
      // What cannot be listed can hardly be written; `create` tells.
      return bytesMax;
    }
  }

  tell(error: unknown): void {
    const { path } = this.#options;
    this.#tellOnce(
      `Spill files cannot be written (${messageOf(error)}): events are kept in memory only. ` +
        `Make ${path} writable for this user, or name another dataDir.`,
    );
  }

  /** As `tell`, for files that take all that they may. */
  tellFull(): void {
    const { path, bytesMax } = this.#options;
    this.#tellOnce(
      `Spill files take all that they may (${bytesMax} bytes in ${path}): events are kept in memory only. ` +
        "Start the daemon, which empties them, or allow more with spillBytes.",
    );
  }

  #tellOnce(problem: string): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.onProblem(problem);
  }
}
