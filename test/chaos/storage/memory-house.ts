import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Disk, ManualClock, MemoryDisk, type Random, seededRandom } from "@sluice/sdk/internal";
import { assertBalance } from "../../../packages/sluice/src/dispatch/balance.ts";
import { openPipeline, type Pipeline, type RouteStatus } from "../../../packages/sluice/src/pipeline.ts";
import { sinkOfType } from "../../../packages/sluice/src/sinks/registry.ts";
import { someRecords } from "../../../packages/sluice/src/testing/spool-fixture.ts";
import { openVerification, type Verification } from "../../../packages/sluice/src/verify.ts";

/**
 * Whole pipelines with file sinks, one life after the other, on a disk in memory whose bytes a test may
 * change between two lives. Only the owner's lock is a real file.
 */
export class MemoryHouse {
  readonly dataDir = mkdtempSync(join(tmpdir(), "sluice-memory-"));
  readonly warnings: string[] = [];
  disk = new MemoryDisk();
  #clock = new ManualClock();
  #pipeline: Pipeline | undefined;
  readonly #random: Random;

  constructor(seed = 1) {
    this.#random = seededRandom(seed);
  }

  get pipeline(): Pipeline {
    if (!this.#pipeline) throw new Error("nothing is open");
    return this.#pipeline;
  }

  /** `sinks` by name; a name with a minus in front is switched off, and keeps its backlog. */
  async open(sinks: readonly string[], disk: Disk = this.disk): Promise<void> {
    this.#clock = new ManualClock();
    this.#pipeline = await openPipeline({
      dataDir: this.dataDir,
      spool: { maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, keepForMs: 3_600_000 },
      sinks: sinks.map((sink) => {
        const name = sink.replace(/^-/, "");
        const params = sinkOfType("file")?.options.parse({ path: `${name}.jsonl` }) ?? {};
        return { name, type: "file", enabled: name === sink, params };
      }),
      observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn: (text) => this.warnings.push(text) },
      clock: this.#clock,
      disk,
      random: this.#random,
    });
  }

  async append(from: number, count: number): Promise<void> {
    const outcomes = await this.pipeline.intake.append(someRecords(from, count));
    const refused = outcomes.filter(({ status }) => status !== "appended");
    if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
  }

  /** Time passes until every running sink has everything; the balances are checked on the way. */
  async settle(): Promise<readonly RouteStatus[]> {
    for (let turn = 0; turn < 200; turn++) {
      await this.#clock.advance(250);
      const { sinks } = this.pipeline.status();
      for (const { balance } of sinks) assertBalance(balance);
      const isSettled = ({ state, balance }: RouteStatus) => balance.pending === 0 || state.name === "paused";
      if (!sinks.every(isSettled)) continue;
      // What is settled stands in a stored ledger a fifth of a second later.
      await this.#clock.advance(250);
      return sinks;
    }
    throw new Error(`not settled: ${JSON.stringify(this.pipeline.status().sinks)}`);
  }

  async stop(): Promise<void> {
    const pipeline = this.#pipeline;
    this.#pipeline = undefined;
    await pipeline?.close();
  }

  /** How often each event arrived in a sink's file. */
  arrived(sink: string, disk = this.disk): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    const path = join(this.dataDir, `${sink}.jsonl`);
    if (!disk.paths.includes(path)) return counts;
    for (const line of Buffer.from(disk.bytesOf(path)).toString().split("\n").slice(0, -1)) {
      const { id } = JSON.parse(line) as { readonly id: string };
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  }

  path(name: string): string {
    return join(this.dataDir, name);
  }

  verify(): Promise<Verification> {
    return openVerification({ dataDir: this.dataDir, disk: this.disk });
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
