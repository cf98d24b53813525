import { z } from "zod";
import { defineSink, type Sink } from "../../../packages/sluice/src/sinks/define.ts";
import { createHttpSend } from "../../../packages/sluice/src/sinks/http-send.ts";
import type { Answer } from "../../../packages/sluice/src/testing/answer.ts";
import type { BackendRequest } from "../../../packages/sluice/src/testing/backend.ts";

/** A backend's own side of the collector sink: keeps the ids that it took, in the order in which they came. */
export class Arrivals {
  readonly ids: string[] = [];
  /** The bodies under each id, as they came first. */
  readonly #texts = new Map<string, string>();
  /** Ids that came again with another body. */
  readonly changed = new Set<string>();
  #onArrival: (id: string) => void = () => undefined;

  /** Is told of every event at the moment in which it arrives. */
  watch(onArrival: (id: string) => void): void {
    this.#onArrival = onArrival;
  }

  readonly answer = (request: BackendRequest): Answer => {
    const events = eventsOf(request);
    for (const event of events) {
      this.ids.push(event.id);
      this.#onArrival(event.id);
      const text = JSON.stringify(event);
      if ((this.#texts.get(event.id) ?? text) !== text) this.changed.add(event.id);
      this.#texts.set(event.id, text);
    }
    return { body: { taken: events.length } };
  };

  get distinct(): ReadonlySet<string> {
    return new Set(this.ids);
  }

  get duplicates(): number {
    return this.ids.length - this.distinct.size;
  }
}

export function eventsOf(request: BackendRequest): readonly { readonly id: string }[] {
  return Array.isArray(request.json) ? request.json : [];
}

const answerForm = z.object({ taken: z.number() });

/**
 * A sink that speaks HTTP as all of ours do, with a batch as one array of events. A 2xx that does not say how
 * many were taken is not believed.
 */
export const collectorSink = defineSink({
  type: "collector",
  summary: "Posts batches to a backend of the battery.",
  options: z.object({
    url: z.string(),
    key: z.string(),
    timeoutMs: z.number(),
    events: z.number(),
    ageMs: z.number(),
  }),
  limits: { events: 100, bytes: 4_000_000 },
  tune: ({ events, ageMs }) => ({ events, ageMs }),
  order: "run",
  inFlight: 4,
  destination: ({ url }) => url,
  open: async ({ url, key, timeoutMs }, { clock }): Promise<Sink> => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const http = createHttpSend({ url, headers, secrets: [key], clock, timeoutMs });
    return {
      async send(batch, signal) {
        const raws = batch.map(({ raw }) => Buffer.from(raw).toString("utf8"));
        const answer = await http.post(`[${raws.join(",")}]`, signal);
        if (answer.status !== "answered") return answer;
        if (takenBy(answer.body) === batch.length) return { status: "delivered" };
        return { status: "retry", reason: `not the collector's answer: ${answer.body.slice(0, 100)}` };
      },
      check: async () => undefined,
      close: () => http.close(),
    };
  },
});

function takenBy(body: string): number | undefined {
  try {
    return answerForm.safeParse(JSON.parse(body)).data?.taken;
  } catch {
    return undefined; // A page, or nothing: the backend did not say this.
  }
}
