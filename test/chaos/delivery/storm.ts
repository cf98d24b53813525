import { Agent, request } from "node:http";
import type { Random } from "@sluice/sdk/internal";

/** What a client was told of an event that it sent. */
export interface Told {
  readonly id: string;
  /** The bytes that it sent. */
  readonly body: string;
  readonly status: "accepted" | "duplicate" | "conflict";
}

/**
 * A client that sends each of its events once, in an order of its own and in batches of all forms, several
 * requests at a time. What got no answer it sends again in the daemon's next life, with the same bytes.
 */
export class StormClient {
  readonly told: Told[] = [];
  readonly #waiting: Batch[] = [];

  /** `bodies` by their ids. */
  constructor(bodies: ReadonlyMap<string, string>, random: Random) {
    const shuffled = [...bodies]
      .map((entry) => ({ entry, place: random.fraction() }))
      .toSorted((one, other) => one.place - other.place)
      .map(({ entry }) => entry);
    while (shuffled.length > 0) {
      const size = 1 + Math.floor(random.fraction() * BATCH_MAX);
      this.#waiting.push({ events: shuffled.splice(0, size), isArray: random.fraction() < 0.5 });
    }
  }

  get isDone(): boolean {
    return this.#waiting.length === 0;
  }

  /** Until everything is answered, or the daemon is gone. `onAnswer` is called after each answer. */
  async send(url: string, onAnswer: () => void): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
    const unanswered: Batch[] = [];
    const sender = async () => {
      for (let batch = this.#waiting.pop(); batch; batch = this.#waiting.pop()) {
        const answer = await post(url, batch, agent);
        if (!answer) return void unanswered.push(batch);
        this.told.push(...read(batch, answer));
        onAnswer();
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, sender));
    this.#waiting.push(...unanswered);
    agent.destroy();
  }
}

const BATCH_MAX = 40;
const PARALLEL = 3;

interface Batch {
  readonly events: readonly (readonly [id: string, body: string])[];
  readonly isArray: boolean;
}

interface Answer {
  readonly httpStatus: number;
  readonly text: string;
}

interface Item {
  readonly index: number;
  readonly status: string;
  readonly code?: string;
}

/** Undefined where the daemon was killed before the end of its answer. */
function post(url: string, { events, isArray }: Batch, agent: Agent): Promise<Answer | undefined> {
  const bodies = events.map(([, body]) => body);
  const type = isArray ? "application/json" : "application/x-ndjson";
  return new Promise((resolve) => {
    const lost = () => resolve(undefined);
    const headers = { "content-type": type };
    const sent = request(`${url}/v1/events`, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ httpStatus: response.statusCode ?? 0, text }));
      response.on("error", lost);
    });
    sent.on("error", lost);
    sent.end(isArray ? `[${bodies.join(",")}]` : bodies.join("\n"));
  });
}

/** The answer as docs/spec/ingest-api.md has it; throws on anything else. */
function read({ events }: Batch, answer: Answer): readonly Told[] {
  const items = itemsOf(answer, events.length);
  if (items.length !== events.length) throw new Error(`${items.length} items for ${events.length} events`);
  const told = events.map(([id, body], index) => ({ id, body, status: statusOf(items[index], index) }));
  const conflicts = told.filter(({ status }) => status === "conflict").length;
  const expected = conflicts === 0 ? 202 : conflicts === told.length ? 409 : 207;
  if (answer.httpStatus !== expected) {
    throw new Error(`answered ${answer.httpStatus} for ${conflicts} conflicts of ${told.length}`);
  }
  return told;
}

function itemsOf({ httpStatus, text }: Answer, count: number): readonly Item[] {
  const { items, status, code } = JSON.parse(text);
  if (items) return items;
  // Nothing to tell: all are new. Or one event that was refused: the answer is about it.
  if (httpStatus === 202) return Array.from({ length: count }, (_, index) => ({ index, status: "accepted" }));
  if (status === 409 && count === 1) return [{ index: 0, status: "rejected", code }];
  throw new Error(`answered ${httpStatus}: ${text}`);
}

function statusOf(item: Item | undefined, index: number): Told["status"] {
  if (item?.index === index) {
    if (item.status === "accepted" || item.status === "duplicate") return item.status;
    if (item.status === "rejected" && item.code === "conflict") return "conflict";
  }
  throw new Error(`item ${index} is ${JSON.stringify(item)}`);
}
