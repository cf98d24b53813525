import { dirname } from "node:path";
import { type Disk, type DiskFile, syncDirectory } from "@sluice/sdk/internal";
import type { Rejection } from "../ingest/outcome.ts";

const LINE_FEED = Buffer.from("\n");

/**
 * Lines that no daemon will take, kept aside for a person: each as it was, so that `sluice send` takes the
 * file once it is mended. Made with the first of them; one from an earlier, unfinished try is replaced.
 */
export class RefusedLines {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #reasons = new Map<string, number>();
  #file: DiskFile | undefined;
  #sizeBytes = 0;
  #lines = 0;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  get lines(): number {
    return this.#lines;
  }

  /** Rejects with Node's error, also for a disk that is full. */
  async add(line: Uint8Array, why: Rejection): Promise<void> {
    const file = await this.#open();
    const bytes = Buffer.concat([line, LINE_FEED]);
    if (file.write(bytes, this.#sizeBytes) < bytes.length) {
      throw Object.assign(new Error("ENOSPC: short write"), { code: "ENOSPC" });
    }
    this.#sizeBytes += bytes.length;
    this.#lines++;
    this.#reasons.set(why.code, (this.#reasons.get(why.code) ?? 0) + 1);
  }

  /** "2 conflict, 1 malformed_json" */
  get summary(): string {
    return [...this.#reasons].map(([code, count]) => `${count} ${code}`).join(", ");
  }

  /** As durable as the events that were taken. */
  async finish(): Promise<void> {
    if (this.#file === undefined) return;
    await this.#file.sync();
    await syncDirectory(this.#disk, dirname(this.#path));
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #open(): Promise<DiskFile> {
    if (this.#file === undefined) {
      this.#file = await this.#disk.open(this.#path, "write");
      await this.#file.truncate(0);
    }
    return this.#file;
  }
}
