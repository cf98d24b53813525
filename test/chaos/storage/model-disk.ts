import { type Disk, type DiskCall, type DiskFile, faultyDisk, type MemoryDisk } from "@sluice/sdk/internal";

/**
 * The disk of one life of a spool. It may be told to fail at its next calls of a kind, and to end at its n-th
 * call: from then on nothing that is asked of it happens, and nothing returns.
 */
export class LifeDisk {
  readonly disk: Disk;
  #callsLeft = Number.POSITIVE_INFINITY;
  #fault: { operation: DiskCall["operation"]; left: number; passing: number } | undefined;
  #onEnd = () => {};

  constructor(memory: MemoryDisk) {
    const failing = faultyDisk(memory, ({ operation }) => this.#faultOf(operation));
    this.disk = {
      open: async (path, mode) => this.#fileOf(await this.#call(() => failing.open(path, mode))),
      list: (path) => this.#call(() => failing.list(path)),
      rename: (from, to) => this.#call(() => failing.rename(from, to)),
      remove: (path) => this.#call(() => failing.remove(path)),
      makeDirectory: (path) => this.#call(() => failing.makeDirectory(path)),
      freeBytes: (path) => this.#call(() => failing.freeBytes(path)),
    };
  }

  get isOver(): boolean {
    return this.#callsLeft <= 0;
  }

  /** Resolves at the call in which it ends. */
  endIn(calls: number): Promise<void> {
    this.#callsLeft = calls;
    return new Promise((resolve) => {
      this.#onEnd = resolve;
    });
  }

  end(): void {
    this.#callsLeft = 0;
  }

  /** After so many more calls of the kind, so many fail. */
  fail(operation: DiskCall["operation"], passing: number, calls: number): void {
    this.#fault = { operation, passing, left: calls };
  }

  heal(): void {
    this.#fault = undefined;
  }

  #faultOf(operation: DiskCall["operation"]): { code: string } | undefined {
    const fault = this.#fault;
    if (fault?.operation !== operation || fault.left === 0) return undefined;
    if (fault.passing-- > 0) return undefined;
    fault.left--;
    return { code: "EIO" };
  }

  #call<Result>(effect: () => Promise<Result>): Promise<Result> {
    return this.#spend() ? effect() : new Promise(() => {});
  }

  #spend(): boolean {
    if (this.#callsLeft <= 0) return false;
    this.#callsLeft--;
    if (this.#callsLeft > 0) return true;
    this.#onEnd();
    return false;
  }

  #fileOf(file: DiskFile): DiskFile {
    return {
      write: (bytes, position) => (this.#spend() ? file.write(bytes, position) : bytes.length),
      read: (into, position) => this.#call(() => file.read(into, position)),
      sync: () => this.#call(() => file.sync()),
      truncate: (sizeBytes) => this.#call(() => file.truncate(sizeBytes)),
      stat: () => this.#call(() => file.stat()),
      close: () => this.#call(() => file.close()),
    };
  }
}
