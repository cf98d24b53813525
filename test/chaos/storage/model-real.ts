import { ManualClock, MemoryDisk, type Random, seededRandom } from "@sluice/sdk/internal";
import { expect } from "vitest";
import type { FileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";
import type { SpoolRecord } from "../../../packages/sluice/src/spool/spool.ts";
import { openTestSpool, segmentPaths } from "../../../packages/sluice/src/testing/spool-fixture.ts";
import { LifeDisk } from "./model-disk.ts";
import { type ModelSpool, SEGMENT_BYTES } from "./model-spool.ts";

/** The file spool on a disk in memory, through all its lives. */
export class RealSpool {
  readonly memory = new MemoryDisk();
  readonly clock = new ManualClock();
  readonly random: Random;
  life = new LifeDisk(this.memory);
  /** Files that a fault has left behind hold what was taken back, and may be longer. */
  hadFaults = false;
  #spool: FileSpool | undefined;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  get spool(): FileSpool {
    if (!this.#spool) throw new Error("the spool is not open");
    return this.#spool;
  }

  async open(): Promise<void> {
    this.life = new LifeDisk(this.memory);
    const { clock, random } = this;
    this.#spool = await openTestSpool(this.life.disk, {
      clock,
      random,
      segmentBytes: SEGMENT_BYTES,
      tailBytes: this.random.fraction() < 0.5 ? 0 : 64 * 1024,
    });
  }

  /** Everything that is there, by its offset. */
  async contents(): Promise<ReadonlyMap<number, Uint8Array>> {
    const found = new Map<number, Uint8Array>();
    const { firstOffset, nextOffset } = this.spool.state;
    for (let at = firstOffset; at < nextOffset; ) {
      const records = await this.read(at, 10_000);
      if (records.length === 0) break;
      for (const { offset, body } of records) found.set(offset, body);
      at = (records.at(-1)?.offset ?? at) + 1;
    }
    return found;
  }

  /** What can be read now; where there is nothing more, none. */
  async read(from: number, records: number, bytes = 100_000_000): Promise<readonly SpoolRecord[]> {
    const patience = new AbortController();
    const reading = this.spool.read(0, from, { records, bytes }, patience.signal);
    let isDone = false;
    void reading.finally(() => {
      isDone = true;
    });
    // A disk in memory answers within some turns of the event loop; who is not served by then waits for more.
    for (let turn = 0; turn < 40 && !isDone; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (!isDone) patience.abort();
    return reading;
  }

  /** Content, counts and sizes are the model's. */
  async compare(model: ModelSpool): Promise<void> {
    const { spool, memory } = this;
    const { firstOffset, nextOffset, damaged } = spool.state;
    // The state's own figure counts ledgers and quarantine as well.
    const bytes = spool.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    model.learn(spool.segments.map((segment) => segment.firstOffset));
    const counts = [firstOffset, nextOffset, damaged, bytes];
    const expected = [model.firstOffset, model.nextOffset, model.damaged, model.bytes];
    same(counts, expected, "first offset, next offset, damaged, bytes");
    const contents = await this.contents();
    same(
      [...contents.keys()],
      model.records.map(({ offset }) => offset),
      "the offsets that can be read",
    );
    for (const { offset, record } of model.records) {
      if (Buffer.compare(contents.get(offset) ?? Buffer.of(), record.body) !== 0) {
        expect.fail(`offset ${offset} holds ${contents.get(offset)}, and ${record.id} was appended`);
      }
    }
    const room = model.fileBytes.map(
      (used) => Math.max(used, SEGMENT_BYTES) + (this.hadFaults ? 2 * SEGMENT_BYTES : 0),
    );
    const files = segmentPaths(memory).map((path) => memory.bytesOf(path).length);
    if (!this.hadFaults) same([files.length], [room.length], "segment files");
    for (const [index, size] of files.slice(-room.length).entries()) {
      const most = room[index] ?? 0;
      if (size > most) expect.fail(`a file takes ${size} bytes, and its payload and zeros ahead are ${most}`);
    }
  }
}

/** As `expect(…).toEqual`, which would take most of the time of a run. */
function same(found: readonly number[], expected: readonly number[], what: string): void {
  const isSame = found.length === expected.length && found.every((one, index) => one === expected[index]);
  if (!isSame) expect.fail(`${what}: ${found.join(" ")}, where the model has ${expected.join(" ")}`);
}
