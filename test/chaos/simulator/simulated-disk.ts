import type { Disk, DiskFile, MemoryDisk, OpenMode } from "@sluice/sdk/internal";
import type { Chance } from "./chance.ts";
import type { DiskFault, DiskFaults, DiskOperation } from "./disk-faults.ts";
import type { Life } from "./life.ts";
import type { SimulatedTime } from "./simulated-time.ts";
import type { Trace } from "./trace.ts";

/** Where the guard of dispatch/suspects notes which record is being read. */
const MARK_FILE = "/suspect";

export interface SimulatedDiskParts {
  readonly memory: MemoryDisk;
  readonly time: SimulatedTime;
  readonly trace: Trace;
  readonly chance: Chance;
  readonly faults: DiskFaults;
  readonly life: Life;
  /** Of a usual call. */
  readonly latencyMs: number;
}

/** What a disk is like that hangs: longer than the product waits for anything. */
const HANG_MS_MAX = 90_000;

/**
 * The disk of one process. Every call takes its time, so that calls that are under way together end in any
 * order; what it does happens at its start or at its end, as the seed has it. A call can fail, be cut short,
 * hang, and be the last that the process makes: then it happened, half happened or did not.
 */
export class SimulatedDisk implements Disk {
  readonly #parts: SimulatedDiskParts;

  constructor(parts: SimulatedDiskParts) {
    this.#parts = parts;
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const { memory } = this.#parts;
    const file = await this.call("open", `${path} to ${mode}`, () => memory.open(path, mode));
    return new SimulatedFile(this, this.#parts, file, path);
  }

  list(path: string): Promise<string[]> {
    return this.call("list", path, () => this.#parts.memory.list(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.call("rename", `${from} to ${nameOf(to)}`, () => this.#parts.memory.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.call("remove", path, () => this.#parts.memory.remove(path));
  }

  makeDirectory(path: string): Promise<void> {
    return this.#parts.life.isAlive ? this.#parts.memory.makeDirectory(path) : never();
  }

  freeBytes(path: string): Promise<number> {
    return this.call("freeBytes", path, () => this.#parts.memory.freeBytes());
  }

  call<Result>(
    operation: DiskOperation,
    what: string,
    effect: () => Promise<Result>,
    onError: () => void = () => {},
  ): Promise<Result> {
    const { life, trace, chance, time } = this.#parts;
    if (!life.isAlive) return never();
    const isEarly = chance.happens(0.5);
    if (life.callsDisk()) {
      const happens = chance.happens(0.5);
      trace.note(
        "disk",
        `${operation} ${what}: the last call, which ${happens ? "happens" : "does not happen"}`,
      );
      if (happens) void quietly(effect());
      life.end();
      return never();
    }
    const fault = this.strike(operation, what);
    const isError = fault !== undefined && fault.form !== "hang";
    // Of what reports an error, a change of names may have happened all the same.
    const happens = !isError || (isChangeOfNames(operation) && chance.happens(0.25));
    const early = isEarly && happens ? quietly(effect()) : undefined;
    return new Promise((resolve, reject) => {
      time.after(this.#latency(fault), () => {
        if (!life.isAlive) return;
        trace.note("disk", `${operation} ${what}${isError ? `: ${fault.code}` : ""}`);
        const done = early ?? (happens ? effect() : undefined);
        if (!isError && done) return void done.then(resolve, reject);
        void (done && quietly(done));
        onError();
        reject(failure(fault?.code ?? "EIO", operation, what));
      });
    });
  }

  strike(operation: DiskOperation, what: string): DiskFault | undefined {
    const { faults, chance, time, trace, life } = this.#parts;
    const fault = faults.strike(operation, chance, time.monotonicMs);
    if (!fault) return undefined;
    life.faults++;
    trace.note("fault", `${operation} ${what}: ${fault.form === "error" ? fault.code : fault.form}`);
    return fault;
  }

  #latency(fault: DiskFault | undefined): number {
    const { chance, latencyMs } = this.#parts;
    const usual = chance.between(0.2, 1) * latencyMs;
    if (fault?.form === "hang") return chance.spread(1_000, HANG_MS_MAX);
    return chance.happens(0.02) ? usual * 50 : usual;
  }
}

class SimulatedFile implements DiskFile {
  readonly #disk: SimulatedDisk;
  readonly #parts: SimulatedDiskParts;
  readonly #file: DiskFile;
  readonly #path: string;

  constructor(disk: SimulatedDisk, parts: SimulatedDiskParts, file: DiskFile, path: string) {
    this.#disk = disk;
    this.#parts = parts;
    this.#file = file;
    this.#path = path;
  }

  /** Synchronous, so it cannot but return; where the process ends in it, nobody will hear what it says. */
  write(bytes: Uint8Array, position: number): number {
    const { life, trace, chance } = this.#parts;
    if (!life.isAlive) return bytes.length;
    const what = `${this.#path} ${bytes.length} bytes at ${position}`;
    // The mark at a record that is being read stands for microseconds. Ends at calls of the disk would hit one
    // record again and again, which in life is no chance, and then the record is set aside.
    if (this.#path.endsWith(MARK_FILE)) return this.#writeAll(bytes, position, what);
    if (life.callsDisk()) {
      const count = chance.oneOf([0, bytes.length, chance.whole(0, bytes.length)]);
      trace.note("disk", `write ${what}: the last call, which takes ${count}`);
      this.#writeSome(bytes.subarray(0, count), position);
      life.end();
      return bytes.length;
    }
    const fault = this.#disk.strike("write", what);
    if (!fault) return this.#writeAll(bytes, position, what);
    if (fault.form === "error") throw failure(fault.code, "write", what);
    const count = chance.whole(0, Math.max(0, bytes.length - 1));
    return count === 0 ? 0 : this.#file.write(bytes.subarray(0, count), position);
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const what = `${this.#path} ${into.length} bytes at ${position}`;
    return this.#disk.call("read", what, () => this.#file.read(into, position));
  }

  sync(): Promise<void> {
    // The kernel takes what it could not write for written: no later sync brings it to the disk.
    const loseChanges = () => {
      if (this.#parts.chance.happens(0.5)) this.#parts.memory.loseChanges(this.#file);
    };
    return this.#disk.call("sync", this.#path, () => this.#file.sync(), loseChanges);
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#disk.call("truncate", `${this.#path} to ${sizeBytes}`, () => this.#file.truncate(sizeBytes));
  }

  stat() {
    return this.#parts.life.isAlive ? this.#file.stat() : never<never>();
  }

  close(): Promise<void> {
    return this.#parts.life.isAlive ? this.#file.close() : never();
  }

  /** As much of it as the volume has room for. */
  #writeAll(bytes: Uint8Array, position: number, what: string): number {
    const { life, trace } = this.#parts;
    let count = 0;
    try {
      count = this.#file.write(bytes, position);
      return count;
    } finally {
      trace.note("disk", `write ${what}${count < bytes.length ? `: took ${count}` : ""}`);
      if (count < bytes.length) life.faults++;
    }
  }

  #writeSome(bytes: Uint8Array, position: number): void {
    try {
      if (bytes.length > 0) this.#file.write(bytes, position);
    } catch {
      // The volume is full; the process that would have to hear of it is gone.
    }
  }
}

function isChangeOfNames(operation: DiskOperation): boolean {
  return operation === "rename" || operation === "remove" || operation === "truncate";
}

function failure(code: string, operation: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${operation} ${what}`), { code });
}

function never<Result>(): Promise<Result> {
  return new Promise(() => {});
}

/** Whoever waits for it gets its error; until then nobody has to. */
function quietly<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {});
  return promise;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
