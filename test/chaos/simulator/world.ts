import { endId, MemoryDisk, seededRandom } from "@sluice/sdk/internal";
import { z } from "zod";
import { openPipeline, type Pipeline } from "../../../packages/sluice/src/pipeline.ts";
import type { Outgoing, SinkDefinition } from "../../../packages/sluice/src/sinks/define.ts";
import type { AppendOutcome, NewRecord } from "../../../packages/sluice/src/spool/spool.ts";
import { Acknowledgements } from "./acknowledged.ts";
import { Backend } from "./backend.ts";
import { Chance } from "./chance.ts";
import { Clients } from "./clients.ts";
import { checkBalances, checkDisk } from "./demands.ts";
import { DiskFaults } from "./disk-faults.ts";
import { type Ending, Life } from "./life.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedTime } from "./simulated-time.ts";
import { Trace } from "./trace.ts";
import { demand } from "./violation.ts";
import { someWeather, type Weather } from "./weather.ts";

export const DATA_DIR = "/data";
/** An opening that takes longer than this hangs, whatever the disk does. */
const OPEN_MS_MAX = 600_000;
const CLOSE_MS_MAX = 600_000;

/**
 * A machine with one disk, a process on it that runs the product's own pipeline, clients that send to it and
 * backends that it sends to; all under one scheduler. Everything that happens is chosen by the seed, so the
 * same seed is the same world. The process may end at any moment; the rest stays.
 */
export class World {
  readonly time = new SimulatedTime();
  readonly trace = new Trace(() => this.time.monotonicMs);
  readonly chance: Chance;
  readonly weather: Weather;
  readonly memory = new MemoryDisk();
  readonly faults = new DiskFaults();
  readonly acknowledged = new Acknowledgements();
  readonly backends: readonly Backend[];
  readonly clients: Clients;
  readonly counts = { lives: 0, kills: 0, powerCuts: 0, endedWhileOpening: 0, refusedOpenings: 0 };
  /** How each life ended, and how many faults it had met by then, by its number. */
  readonly endings = new Map<number, { readonly ending: Ending; readonly faults: number }>();
  life: Life;
  pipeline: Pipeline | undefined;
  /** Ids that are being appended, by how many calls. */
  readonly #offered = new Map<string, number>();
  /** Ids that were being appended when a process ended: what became of them nobody was told. */
  readonly #unheard = new Set<string>();
  #violation: unknown;

  constructor(seed: number) {
    this.chance = new Chance(seededRandom(seed));
    this.weather = someWeather(this.chance);
    this.clients = new Clients(this.chance, String(seed));
    this.life = this.#newLife();
    const { trace, chance } = this;
    const broken = (violation: unknown) => this.broken(violation);
    this.backends = this.weather.sinks.map(({ type, order }) => {
      const startOf = order === "none" ? undefined : (end: Outgoing) => this.acknowledged.startOf(end);
      const isOffered = (id: string) => this.#offered.has(id) || this.#unheard.has(id);
      return new Backend({ name: type, trace, chance, startOf, isOffered, broken });
    });
    this.trace.note("life", `the weather of seed ${seed}: ${JSON.stringify(this.weather)}`);
  }

  /** Lets time pass. A promise that was broken meanwhile, by whoever, ends the run here. */
  async pass(durationMs: number, isOver: () => boolean = () => false): Promise<void> {
    await this.time.pass(durationMs, () => isOver() || this.#violation !== undefined);
    this.rethrow();
  }

  rethrow(): void {
    if (this.#violation !== undefined) throw this.#violation;
  }

  /** For what goes wrong where nobody waits for it. */
  broken(violation: unknown): void {
    this.#violation ??= violation;
  }

  append(records: readonly NewRecord[]): void {
    const { pipeline, life } = this;
    if (!pipeline || !life.isAlive) return;
    this.acknowledged.sent(records);
    for (const { id } of records) this.#offered.set(id, (this.#offered.get(id) ?? 0) + 1);
    const names = records.map(({ id }) => id.slice(-8)).join(" ");
    this.trace.note("append", names);
    pipeline.intake
      .append(records)
      .then((outcomes) => life.isAlive && this.#told(records, outcomes, pipeline, names))
      .catch((error: unknown) => this.broken(error));
  }

  end(ending: Ending): void {
    this.life.end(ending);
  }

  /** Opens until it is open: what failed for a fault of the disk is tried again, at last without faults. */
  async open(mayEnd = true): Promise<void> {
    for (let attempt = 1; !this.pipeline; attempt++) {
      if (attempt > 3) {
        this.faults.heal();
        this.memory.capacityBytes = Number.POSITIVE_INFINITY;
      }
      this.life = this.#newLife();
      if (mayEnd && attempt <= 2 && this.chance.happens(0.08)) {
        this.life.endIn(this.chance.whole(1, 60), this.chance.oneOf<Ending>(["kill", "power cut"]));
      }
      await this.#openOnce(attempt);
    }
  }

  /** An orderly end. False if the disk kept it from being one. */
  async close(): Promise<boolean> {
    const { pipeline, life } = this;
    if (!pipeline || !life.isAlive) return false;
    this.trace.note("life", `closes life ${life.number}`);
    const faultsBefore = life.faults;
    let isClosed = false;
    const closing = pipeline.close().catch((error: unknown) => this.trace.note("warn", `close: ${error}`));
    void closing.then(() => {
      isClosed = true;
    });
    await this.pass(CLOSE_MS_MAX, () => isClosed || !life.isAlive);
    if (!life.isAlive) return false;
    demand(isClosed, `an orderly close ends within ${CLOSE_MS_MAX / 60_000} minutes (P10)`);
    const isOrderly = life.faults === faultsBefore && !this.faults.isAny;
    if (isOrderly) for (const backend of this.backends) backend.endedOrderly(life.number);
    this.life.end("kill");
    this.counts.kills--;
    return isOrderly;
  }

  async #openOnce(attempt: number): Promise<void> {
    const { life, trace, time, memory, faults, chance, weather } = this;
    trace.note("life", `opens life ${life.number}, attempt ${attempt}`);
    const disk = new SimulatedDisk({
      memory,
      time,
      trace,
      chance,
      faults,
      life,
      latencyMs: weather.latencyMs,
    });
    const clock = time.clockFor(() => life.isAlive);
    const opening = openPipeline({
      dataDir: DATA_DIR,
      spool: { maxBytes: weather.maxBytes, minFreeBytes: 32 * 1024, keepForMs: weather.keepForMs },
      sinks: weather.sinks.map(({ type }) => ({ name: type, type, enabled: true, params: {} })),
      sinkOfType: (type) => this.#definitionOf(type, life),
      // No record ends a process here: those that were being read when one was killed are not to blame.
      tryRecord: async () => "survived",
      machineRun: `${this.counts.powerCuts}`,
      observer: {
        onAttempt() {},
        onHealth: ({ route, health, lastError = "" }) =>
          life.isAlive && trace.note("life", `${route} is ${health.name} ${lastError}`),
        onInFlight() {},
        warn: (sentence) => life.isAlive && trace.note("warn", sentence),
      },
      clock,
      disk,
      random: this.chance.random,
      owner: { release: async () => {} },
    });
    let outcome: { readonly pipeline?: Pipeline; readonly error?: unknown } | undefined;
    opening.then(
      (pipeline) => {
        outcome = { pipeline };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    await this.pass(OPEN_MS_MAX, () => outcome !== undefined || !life.isAlive);
    if (!life.isAlive) {
      this.counts.endedWhileOpening++;
      await this.#afterEnd();
      return;
    }
    demand(outcome !== undefined, `a data dir opens within ${OPEN_MS_MAX / 60_000} minutes (P9)`);
    if (outcome?.pipeline) {
      trace.note("life", `life ${life.number} is open`);
      this.pipeline = outcome.pipeline;
      return;
    }
    trace.note("life", `life ${life.number} cannot be opened: ${outcome?.error}`);
    this.counts.refusedOpenings++;
    demand(life.faults > 0, () => `a data dir opens after any end (P8): ${outcome?.error}`);
    life.end("kill");
    await this.#afterEnd();
  }

  /** Looks at the disk that a life has left behind. */
  async afterEnd(): Promise<void> {
    this.pipeline = undefined;
    await this.#afterEnd();
  }

  async #afterEnd(): Promise<void> {
    await checkDisk(this);
  }

  #told(
    records: readonly NewRecord[],
    outcomes: readonly AppendOutcome[],
    pipeline: Pipeline,
    names: string,
  ): void {
    const said = outcomes.map((outcome) =>
      "offset" in outcome ? `${outcome.status} ${outcome.offset}` : outcome.status,
    );
    this.trace.note("append", `${names}: ${said.join(", ")}`);
    for (const [index, record] of records.entries()) {
      const { id } = record;
      const outcome = outcomes[index];
      const isTaken = outcome !== undefined && "offset" in outcome;
      // It may be stored yet, and nobody will be told.
      if (outcome?.status === "slow") this.#unheard.add(id);
      if (!isTaken) this.clients.refused(record);
      const calls = (this.#offered.get(id) ?? 1) - 1;
      if (calls > 0) this.#offered.set(id, calls);
      else this.#offered.delete(id);
      const anew = isTaken ? this.#storedAnew(record, outcome) : [];
      for (const backend of this.backends) {
        for (const each of anew) backend.isStoredAnew(each);
        if (anew.length === 0 && calls === 0) backend.isNotStoredAnew(id);
      }
    }
    this.acknowledged.told(records, outcomes, pipeline.status().spool.firstOffset);
    checkBalances(this);
  }

  /**
   * Ids that were stored by this call, or by one of a process that ended before it could say so. A run of
   * which pieces are sent again when they were trimmed may end again.
   */
  #storedAnew({ id, runId }: NewRecord, { status, offset }: Taken): readonly string[] {
    const wasUnheard = this.#unheard.delete(id);
    const before = this.acknowledged.byId.get(id);
    if (status !== "appended" && !(wasUnheard && offset !== before?.offset)) return [];
    const isAgain = before !== undefined || wasUnheard;
    return isAgain && runId !== undefined ? [id, endId(runId), endId(runId, 2)] : [id];
  }

  #newLife(): Life {
    const number = ++this.counts.lives;
    for (const id of this.#offered.keys()) this.#unheard.add(id);
    this.#offered.clear();
    const life = new Life(number, (ending) => {
      // A ledger that is just moving to a file of its own is late, as if the disk had not taken it.
      const moving = this.memory.paths.filter((path) => path.endsWith(".ledger.new")).length;
      this.endings.set(number, { ending, faults: life.faults + moving });
      this.trace.note("life", `life ${number} ends: ${ending}`);
      if (ending === "kill") this.counts.kills++;
      else {
        this.counts.powerCuts++;
        this.memory.crash(this.chance.random);
      }
    });
    return life;
  }

  #definitionOf(type: string, life: Life): SinkDefinition | undefined {
    const index = this.weather.sinks.findIndex((sink) => sink.type === type);
    const known = this.weather.sinks[index];
    const backend = this.backends[index];
    if (!known || !backend) return undefined;
    return {
      ...known,
      summary: "A backend of the simulated world.",
      options: z.object({}),
      destination: () => type,
      open: async (_, { clock }) => backend.sinkFor(life, clock),
    };
  }
}

type Taken = Extract<AppendOutcome, { readonly offset: number }>;
