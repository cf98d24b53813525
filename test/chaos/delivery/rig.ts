import { type Clock, MemoryDisk, seededRandom, systemClock } from "@sluice/sdk/internal";
import { expect, vi } from "vitest";
import { assertBalance, type Balance } from "../../../packages/sluice/src/dispatch/balance.ts";
import {
  type Attempt,
  openPipeline,
  type Pipeline,
  type PipelineSink,
} from "../../../packages/sluice/src/pipeline.ts";
import type { SinkDefinition } from "../../../packages/sluice/src/sinks/define.ts";
import { Received } from "../../../packages/sluice/src/spool/received.ts";
import type { NewRecord } from "../../../packages/sluice/src/spool/spool.ts";
import {
  type Backend,
  type BackendOptions,
  startBackend,
} from "../../../packages/sluice/src/testing/backend.ts";
import { openVerification } from "../../../packages/sluice/src/verify.ts";
import { seed } from "../scale.ts";
import { Arrivals, collectorSink } from "./collector.ts";

const DATA_DIR = "/data";
const APPEND_MAX = 500;

/** A backend with what it took. */
export interface Station {
  readonly backend: Backend;
  readonly arrivals: Arrivals;
}

/**
 * A whole pipeline in this process, on a disk in memory, with real HTTP to backends on loopback. The disk and
 * the backends outlive the pipeline, which may be closed, killed and opened again.
 */
export class Rig {
  readonly attempts: Attempt[] = [];
  /** Ids that were acknowledged, in the order of the log. */
  readonly acknowledged: string[] = [];
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #stations: Station[] = [];
  #disk = new MemoryDisk();
  #pipeline: Pipeline | undefined;
  #life = { isOver: false };

  /** `maxBytes` is what all of it may take on its disk. */
  constructor(clock: Clock = systemClock, maxBytes = 256 * 1024 * 1024) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  get pipeline(): Pipeline {
    if (!this.#pipeline) throw new Error("the pipeline is not open");
    return this.#pipeline;
  }

  async station(options: BackendOptions = {}): Promise<Station> {
    const arrivals = new Arrivals();
    const station = { backend: await startBackend({ answer: arrivals.answer, ...options }), arrivals };
    this.#stations.push(station);
    return station;
  }

  async open(...sinks: readonly PipelineSink[]): Promise<void> {
    const life = { isOver: false };
    this.#life = life;
    this.#pipeline = await openPipeline({
      dataDir: DATA_DIR,
      spool: { maxBytes: this.#maxBytes, minFreeBytes: 0, keepForMs: 3_600_000_000 },
      sinks,
      sinkOfType: () => mortal(life),
      // No record is to blame for the end of a process here.
      tryRecord: async () => "survived",
      observer: {
        onAttempt: (attempt) => void this.attempts.push(attempt),
        onHealth() {},
        onInFlight() {},
        warn() {},
      },
      clock: this.#clock,
      disk: this.#disk,
      random: seededRandom(seed),
      owner: { release: async () => {} },
    });
  }

  /** Appends events with these ids; `run/…` gives the run. All of them are acknowledged when this resolves. */
  async append(...ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += APPEND_MAX) {
      const part = ids.slice(at, at + APPEND_MAX);
      const outcomes = await this.pipeline.intake.append(part.map(recordOf));
      for (const { status } of outcomes) expect(status).toBe("appended");
      this.acknowledged.push(...part);
    }
  }

  balanceOf(sink: string): Balance {
    const found = this.pipeline.status().sinks.find(({ route }) => route === sink);
    if (!found) throw new Error(`there is no sink ${sink}`);
    return found.balance;
  }

  /** Until nothing is pending at any sink, or at these. */
  async settled(withinMs: number, ...sinks: readonly string[]): Promise<void> {
    await vi.waitFor(
      () => {
        const routes = this.pipeline.status().sinks;
        const waited = sinks.length === 0 ? routes : routes.filter(({ route }) => sinks.includes(route));
        expect(waited.filter(({ lag }) => lag > 0).map(({ route, lag }) => [route, lag])).toEqual([]);
      },
      { timeout: withinMs, interval: 5 },
    );
  }

  /** The balance of every sink, the disk read from outside: what every test of this battery ends with. */
  async proveBooks(): Promise<void> {
    for (const { balance, route } of this.pipeline.status().sinks) {
      assertBalance(balance);
      expect(balance.accepted, route).toBe(this.acknowledged.length);
    }
    await this.close();
    const { problems } = await openVerification({ dataDir: DATA_DIR, disk: this.#disk });
    expect(problems).toEqual([]);
  }

  async close(): Promise<void> {
    await this.#pipeline?.close();
    this.#pipeline = undefined;
  }

  /** The process ends in this moment: what it has not written is gone, and it sends nothing any more. */
  async kill(): Promise<void> {
    const left = this.#disk.copy();
    this.#life.isOver = true;
    await this.close();
    this.#disk = left;
  }

  async tearDown(): Promise<void> {
    await this.close();
    for (const { backend } of this.#stations.splice(0)) await backend.close();
  }
}

interface CollectorOptions {
  readonly key?: string;
  readonly timeoutMs?: number;
  /** Events in a batch. */
  readonly events?: number;
  readonly ageMs?: number;
  readonly maxWaitMs?: number;
}

export function collector(
  name: string,
  { backend }: { readonly backend: { readonly url: string } },
  options: CollectorOptions = {},
): PipelineSink {
  const { key = "key", timeoutMs = 30_000, events = 100, ageMs = 5, maxWaitMs } = options;
  const params = { url: backend.url, key, timeoutMs, events, ageMs };
  const retry = maxWaitMs === undefined ? {} : { retry: { maxWaitMs } };
  return { name, type: "collector", enabled: true, params, words: JSON.stringify(params), ...retry };
}

export function range(count: number, prefix = "e"): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** The collector of one process: when that is dead it sends nothing, and hears nothing. */
function mortal(life: { readonly isOver: boolean }): SinkDefinition {
  return {
    ...collectorSink,
    open: async (options, context) => {
      const sink = await collectorSink.open(collectorSink.options.parse(options), context);
      return {
        ...sink,
        async send(batch, signal) {
          if (life.isOver) return { status: "retry", reason: "dead" };
          const delivery = await sink.send(batch, signal);
          return life.isOver ? { status: "retry", reason: "dead" } : delivery;
        },
      };
    },
  } as SinkDefinition;
}

function recordOf(id: string): NewRecord {
  const slash = id.indexOf("/");
  const run = slash < 0 ? {} : { runId: id.slice(0, slash) };
  const event = { id, kind: "note.made", time: "2026-01-01T00:00:00.000Z", ...run };
  const received = new Received(Buffer.from(JSON.stringify(event)));
  const order = run.runId === undefined ? {} : { orderKey: run.runId };
  return { id, kindCode: 0, flags: 0, ...run, ...order, received, body: received.bytes };
}
