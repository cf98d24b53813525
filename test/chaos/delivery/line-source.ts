import { systemClock, systemDisk } from "@sluice/sdk/internal";
import type { Outgoing, Sink } from "../../../packages/sluice/src/sinks/define.ts";
import { fileSink } from "../../../packages/sluice/src/sinks/file/sink.ts";
import { outgoing } from "../../../packages/sluice/src/testing/outgoing.ts";
import { passed } from "../moments.ts";

const LINES_PER_SECOND = 5_000;
const LINES_MAX = 1_024;
const TICK_MS = 10;

/**
 * A steady stream into `events.jsonl` of a folder, by a file sink. As a route does it, a batch has what has
 * come since the one before, and what was not kept is sent again.
 */
export class LineSource {
  /** The ids that the sink called delivered, in that order. */
  readonly delivered: string[] = [];
  /** Why something had to be sent again. */
  readonly refusals = new Set<string>();
  readonly #sink: Sink;
  readonly #flow: Promise<void>;
  #isOver = false;
  #sent = 0;
  #meanwhile: (() => void) | undefined;

  private constructor(sink: Sink) {
    this.#sink = sink;
    this.#flow = this.#run();
  }

  static async open(folder: string): Promise<LineSource> {
    const context = { name: "file", clock: systemClock, disk: systemDisk, dataDir: folder, warn() {} };
    return new LineSource(await fileSink.open(fileSink.options.parse({}), context));
  }

  /** Does something between two batches, when nobody writes. */
  between(action: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#meanwhile = () => resolve(action());
    });
  }

  /** When everything is delivered, and a batch that came after whatever has happened. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#flow;
    await this.#sendNext(1);
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#flow;
    await this.#sink.close();
  }

  async #run(): Promise<void> {
    const startMs = performance.now();
    while (!this.#isOver) {
      await passed(TICK_MS);
      const due = Math.floor(((performance.now() - startMs) * LINES_PER_SECOND) / 1_000) - this.#sent;
      await this.#sendNext(Math.min(due, LINES_MAX));
      this.#meanwhile?.();
      this.#meanwhile = undefined;
    }
  }

  async #sendNext(count: number): Promise<void> {
    const batch = Array.from({ length: count }, () => lineOf(this.#sent++));
    await this.#send(batch);
  }

  async #send(batch: readonly Outgoing[]): Promise<void> {
    const delivery = await this.#sink.send(batch, AbortSignal.timeout(10_000));
    const outcomes = delivery.status === "mixed" ? delivery.each : batch.map(() => delivery);
    const left = batch.filter((event, index) => {
      const outcome = outcomes[index];
      if (outcome?.status === "delivered") this.delivered.push(event.id);
      else this.refusals.add(outcome && "reason" in outcome ? outcome.reason : "");
      return outcome?.status !== "delivered";
    });
    if (left.length === 0) return;
    await passed(TICK_MS);
    await this.#send(left);
  }
}

function lineOf(number: number): Outgoing {
  return outgoing({ id: `line-${number}`, kind: "note.made", time: "2026-01-01T00:00:00.000Z" });
}
