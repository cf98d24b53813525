import { deriveId } from "@sluice/sdk/internal";
import { passed } from "../moments.ts";

/** A source that sends one event after the other, and keeps the ids of those that were acknowledged. */
export class Source {
  readonly acknowledged: string[] = [];
  readonly #text: string;
  readonly #prefix: string;
  #number = 0;

  constructor(prefix: string, textBytes: number) {
    this.#prefix = prefix;
    this.#text = "x".repeat(textBytes);
  }

  /**
   * One event; true if it was acknowledged, else why it was refused (503). A run's end, which every sink
   * takes. Where the disk was slow to answer it may be stored all the same: then it is sent again.
   */
  async send(url: string): Promise<true | string> {
    const runId = `${this.#prefix}-${this.#number++}`;
    const id = deriveId(runId, "ended");
    const run = { type: "llm", startTime: TIME, status: "ok", response: { output: this.#text } };
    const event = { id, kind: "run.ended", time: TIME, runId, run };
    for (;;) {
      const answer = await fetch(`${url}/v1/events`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(event),
      });
      const words = await answer.text();
      if (answer.status === 202) {
        this.acknowledged.push(id);
        return true;
      }
      if (answer.status !== 503) throw new Error(`${answer.status}: ${words}`);
      if (!words.includes("storage_slow")) return words;
      await passed(20);
    }
  }

  /** Sends until told to stop, with a breath after each that was refused. */
  async sendUntil(url: string, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      if ((await this.send(url)) !== true) await passed(20);
    }
  }
}

const TIME = "2026-01-01T00:00:00.000Z";
