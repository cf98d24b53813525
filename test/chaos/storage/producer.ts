import { randomUUID } from "node:crypto";
import { deriveId } from "@sluice/sdk/internal";

/** How a producer sends: one event a request, a JSON array of them, or one a line. */
type Form = "single" | "array" | "lines";

const EVENTS: Readonly<Record<Form, number>> = { single: 1, array: 3, lines: 5 };
const TYPES: Readonly<Record<Form, string>> = {
  single: "application/json",
  array: "application/json",
  lines: "application/x-ndjson",
};

interface Request {
  readonly ids: readonly string[];
  readonly body: string;
}

/**
 * Sends complete runs to a daemon, one request after the other, and notes what it was told is taken. A
 * request that got no answer is sent again in the daemon's next life, with the same ids and bytes.
 */
export class Producer {
  /** By their runs' ids, which is what backends see. */
  readonly acknowledged: string[] = [];
  readonly #number: number;
  readonly #form: Form;
  #unanswered: Request | undefined;

  constructor(number: number, form: Form) {
    this.#number = number;
    this.#form = form;
  }

  /** Until the daemon is gone, or the signal aborts. */
  async send(url: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const request = this.#unanswered ?? this.#next();
      this.#unanswered = request;
      const answer = await post(url, this.#form, request.body);
      if (!answer) return;
      if (answer.status !== 202) throw new Error(`answered ${answer.status}: ${await answer.text()}`);
      // Told is told: what becomes of the body does not matter.
      void answer.body?.cancel().catch(() => undefined);
      this.acknowledged.push(...request.ids);
      this.#unanswered = undefined;
    }
  }

  #next(): Request {
    const ids = Array.from({ length: EVENTS[this.#form] }, () => randomUUID());
    const events = ids.map((id) => JSON.stringify(aRun(id, this.#number)));
    switch (this.#form) {
      case "single":
        return { ids, body: events.join("") };
      case "array":
        return { ids, body: `[${events.join(",")}]` };
      case "lines":
        return { ids, body: events.join("\n") };
    }
  }
}

/** The answer, or undefined if there was none. */
async function post(url: string, form: Form, body: string): Promise<Response | undefined> {
  try {
    const headers = { "content-type": TYPES[form] };
    return await fetch(`${url}/v1/events`, { method: "POST", headers, body });
  } catch {
    return undefined; // The daemon was killed.
  }
}

function aRun(runId: string, producer: number): object {
  return {
    // Every complete end of a run has this id, and no other.
    id: deriveId(runId, "ended"),
    kind: "run.ended",
    time: "2026-01-01T00:00:01.000Z",
    runId,
    run: {
      type: "llm",
      startTime: "2026-01-01T00:00:00.000Z",
      status: "ok",
      request: { input: `from producer ${producer}` },
      response: { output: "yes ".repeat(50) },
    },
  };
}
