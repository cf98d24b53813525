import { randomUUID } from "node:crypto";
import { Agent } from "node:http";
import { passed } from "../moments.ts";
import { eventLine, post } from "../storage/ingest-load.ts";

/** What one request came to. */
export interface Sent {
  readonly begunMs: number;
  /** 0: the connection broke, or nobody listens. */
  readonly status: number;
}

/**
 * Sends complete runs to a daemon at a steady pace until it is told to stop, whatever the answers are, and
 * keeps what was acknowledged by the ids of the runs.
 */
export class SteadySender {
  readonly acknowledged: string[] = [];
  readonly sent: Sent[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  readonly #bytes: number;
  #isOver = false;
  #running: Promise<unknown> | undefined;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  start(url: string): void {
    const go = async () => {
      while (!this.#isOver) {
        await Promise.all([this.send(url, BATCH), passed(EVERY_MS)]);
      }
    };
    this.#running = Promise.all(Array.from({ length: PARALLEL }, go));
  }

  /** One request, beside whatever else is under way. */
  async send(url: string, events: number): Promise<void> {
    const begunMs = performance.now();
    const runIds = Array.from({ length: events }, () => randomUUID());
    const lines = runIds.map((runId) => eventLine(this.#bytes, runId)).join("");
    const { status } = await post(url, lines, this.#agent);
    this.sent.push({ begunMs, status });
    if (status === 202) this.acknowledged.push(...runIds);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#agent.destroy();
  }
}

/** 600 events a second. */
const PARALLEL = 3;
const BATCH = 10;
const EVERY_MS = 50;
