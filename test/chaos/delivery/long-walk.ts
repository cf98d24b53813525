import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KIND_CODES } from "@sluice/sdk";
import { systemClock, systemRandom } from "@sluice/sdk/internal";
import { z } from "zod";
import { RunBackend } from "../../../packages/sluice/src/dispatch/assembler/run-backend.test-support.ts";
import { openPipeline, type Pipeline } from "../../../packages/sluice/src/pipeline.ts";
import { defineSink, type SinkDefinition } from "../../../packages/sluice/src/sinks/define.ts";
import { summary } from "../../../packages/sluice/src/sinks/delivery.ts";
import type { Intake } from "../../../packages/sluice/src/sources/intake.ts";
import type { NewRecord } from "../../../packages/sluice/src/spool/spool.ts";
import { eventually } from "../../e2e/daemon.ts";
import { scaled } from "../scale.ts";
import { type DeathAt, Life, mortalDisk } from "./mortal-disk.ts";

const SPOOL = { maxBytes: 16 * 1024 ** 3, minFreeBytes: 0, keepForMs: 3_600_000_000 };
const SINKS = ["upserting", "write-once"] as const;
const APPEND_MAX = 2_000;
/** What leads to a step takes no longer: it is not done at all. */
const DEATH_MS_MAX = scaled({ test: 10_000, chaos: 180_000, soak: 180_000 });

type Act = (pipeline: Pipeline) => Promise<unknown>;

/**
 * A data directory on a real disk and two backends, and one process after the other that opens the whole
 * pipeline there and dies at a step of its work.
 */
export class LongWalk {
  readonly dataDir = mkdtempSync(join(tmpdir(), "sluice-walk-"));
  readonly backends = { upserting: new RunBackend(false), "write-once": new RunBackend(true) };

  /** The low offset of the assembler's ledger, as the last process that died at it has left it. */
  #ledgerLow = 0;

  /** A process that dies at storing a record. */
  diesAtRecord(id: string, moment: DeathAt["moment"], act?: Act): Promise<void> {
    const isMeant = (bytes: Buffer) => bytes.includes(`"id":"${id}"`);
    return this.#dies({ file: "/spool/", isMeant, moment }, act);
  }

  /** A process that dies at storing the assembler's ledger, with another low offset in it. */
  async diesAtLedger(moment: DeathAt["moment"]): Promise<void> {
    let low = this.#ledgerLow;
    const isMeant = (bytes: Buffer) => {
      low = ledgerLowIn(bytes);
      return low > this.#ledgerLow;
    };
    await this.#dies({ file: "/ledgers/assembler", isMeant, moment });
    if (moment === "after") this.#ledgerLow = low;
  }

  /** A process that is killed when it has done something: whatever else it was at. */
  async killed(act: Act): Promise<void> {
    const life = new Life();
    const pipeline = await this.#open(life);
    await act(pipeline);
    life.end();
    await pipeline.close();
  }

  /** A process that lives until it is asked to end. */
  lives(): Promise<Pipeline> {
    return this.#open(new Life());
  }

  remove(): void {
    rmSync(this.dataDir, { recursive: true });
  }

  async #dies(deathAt: DeathAt, act: Act = async () => {}): Promise<void> {
    const life = new Life(deathAt);
    const pipeline = await this.#open(life);
    try {
      // What it was asked for it may not live to answer.
      void act(pipeline);
      await eventually(() => (life.isOver ? true : undefined), DEATH_MS_MAX);
    } finally {
      life.end();
      await pipeline.close();
    }
  }

  #open(life: Life): Promise<Pipeline> {
    return openPipeline({
      ...{ dataDir: this.dataDir, spool: SPOOL, clock: systemClock, random: systemRandom },
      sinks: SINKS.map((name) => ({ name, type: name, enabled: true, params: {} })),
      sinkOfType: (type) => SINKS.map((name) => this.#sink(name, life)).find((sink) => sink.type === type),
      observer: { onAttempt() {}, onHealth() {}, onInFlight() {}, warn() {} },
      disk: mortalDisk(life),
      // No record is to blame for the end of a process here.
      tryRecord: async () => "survived",
      owner: { release: async () => {} },
    });
  }

  #sink(type: (typeof SINKS)[number], life: Life): SinkDefinition {
    return defineSink({
      ...{ type, summary: "Keeps runs.", options: z.object({}), destination: () => type },
      ...{ limits: { events: 500, bytes: 1_000_000 }, order: "run", inFlight: 4 },
      skips: (kindCode) => (kindCode === KIND_CODES["run.ended"] ? undefined : "unmapped"),
      open: async () => ({
        send: async (batch) =>
          life.isOver
            ? { status: "retry", reason: "dead" }
            : summary(batch.map((item) => this.backends[type].take(item))),
        check: async () => undefined,
        close: async () => {},
      }),
    });
  }
}

/** Appends records as they are made, some calls under way at once. */
export async function appendMany(
  intake: Intake,
  count: number,
  make: (number: number) => NewRecord,
): Promise<void> {
  let next = 0;
  const appendOn = async () => {
    while (next < count) {
      const from = next;
      next = Math.min(count, from + APPEND_MAX);
      const records = Array.from({ length: next - from }, (_, index) => make(from + index));
      for (const { status } of await intake.append(records))
        if (status !== "appended") throw new Error(`not appended: ${status}`);
    }
  };
  await Promise.all([appendOn(), appendOn()]);
}

/** See ledger-codec.ts: behind the mark come the version, the place and the first offset. */
function ledgerLowIn(bytes: Buffer): number {
  return bytes.readUIntLE(bytes.indexOf("SLLG") + 34, 6);
}
