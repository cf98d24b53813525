import { type Clock, sleep } from "@sluice/sdk/internal";
import { camelCased, lunaryUuid, shallow, tagsOf, templateOf } from "./lunary-rules.ts";

/** A run as Lunary's database has it. */
export interface LunaryRun {
  readonly id: string;
  readonly type: string;
  readonly status: "started" | "success" | "error";
  readonly name?: string;
  readonly parentRunId?: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
  readonly params?: unknown;
  readonly tags?: unknown;
  /** First-level scalars and lists of scalars: nothing else survives. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly userId?: string;
  readonly userProps?: unknown;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly promptCached?: number;
  /**
   * True where a count was missing or 0: then the server counts by itself, and its numbers need not be the
   * provider's.
   */
  readonly countedByServer?: boolean;
  readonly feedback?: unknown;
  readonly templateVersionId?: number;
  readonly runtime?: string;
  /** Where it went if the event named an `appId`: not the project of its key. */
  readonly projectId?: string;
}

/** A line of type `log`. */
export interface LunaryLog {
  readonly runId: string;
  readonly level: string;
  readonly message?: unknown;
  readonly extra?: unknown;
}

/** One element of `events`, keys in camelCase. */
export type LunaryItem = Readonly<Record<string, unknown>>;

/**
 * Lunary's tables and what its ingest does to them, item by item. A thread, a chat message and a custom event
 * are rows among the runs.
 */
export class LunaryTables {
  readonly runs = new Map<string, LunaryRun>();
  readonly logs: LunaryLog[] = [];
  readonly lost: string[] = [];
  readonly #clock: Clock;
  readonly #orphanDelayMs: number;
  #refuse: (item: LunaryItem) => string | undefined = () => undefined;

  constructor(clock: Clock, orphanDelayMs: number) {
    this.#clock = clock;
    this.#orphanDelayMs = orphanDelayMs;
  }

  refuseItems(decide: (item: LunaryItem) => string | undefined): void {
    this.#refuse = decide;
  }

  /** One by one, in the order of their times: results come in that order too, under the sender's own ids. */
  async ingest(items: readonly unknown[]): Promise<object[]> {
    const sorted = items
      .map((item) => camelCased(Array.isArray(item) ? item[0] : item) as LunaryItem)
      .sort((a, b) => timeOf(a) - timeOf(b));
    const results: object[] = [];
    for (const item of sorted) {
      const id = item.runId;
      try {
        const refusal = this.#refuse(item);
        if (refusal !== undefined) throw new Error(refusal);
        await this.#store(item);
        results.push({ id, success: true });
      } catch (error) {
        results.push({ id, success: false, error: error instanceof Error ? error.message : String(error) });
      }
    }
    return results;
  }

  async #store(item: LunaryItem): Promise<void> {
    if (item.type === "log") return this.#log(item);
    const id = lunaryUuid(String(item.runId));
    switch (item.event) {
      case "start":
        return this.#start(id, item);
      case "end":
      case "error":
      case "feedback":
        return this.#update(id, item);
      case "chat":
        return this.#chat(id, item);
      case "custom-event":
        // Its id is the primary key: a resend fails.
        if (this.runs.has(id)) throw new Error('duplicate key value violates unique constraint "run_pkey"');
        this.runs.set(id, { ...this.#rowOf(id, item), type: "custom-event" });
        return;
      default:
      // An unknown event name is accepted, and does nothing.
    }
  }

  async #start(id: string, item: LunaryItem): Promise<void> {
    const parentRunId = await this.#parentOf(item);
    if (this.runs.has(id)) throw new Error("Run with this ID already exists in the database.");
    this.runs.set(id, { ...this.#rowOf(id, item), ...(parentRunId !== undefined && { parentRunId }) });
  }

  #rowOf(id: string, item: LunaryItem): LunaryRun {
    const metadata = shallow(item.metadata);
    const templateVersionId = templateOf(item, metadata);
    return {
      id,
      type: String(item.type),
      status: "started",
      startedAt: this.#isoTime(item),
      metadata,
      input: item.input,
      params: item.params ?? item.extra,
      tags: tagsOf(item, metadata),
      ...(item.name !== undefined && { name: String(item.name).replace(/^models\//, "") }),
      ...(item.userId !== undefined && { userId: String(item.userId), userProps: item.userProps }),
      ...(item.runtime !== undefined && { runtime: String(item.runtime) }),
      ...(item.appId !== undefined && { projectId: String(item.appId) }),
      ...(templateVersionId !== undefined && { templateVersionId }),
    };
  }

  #log(item: LunaryItem): void {
    const { parentRunId, event, message, extra, metadata } = item;
    if (parentRunId === undefined || event === undefined) {
      throw new Error("parentRunId and eventName must be defined");
    }
    const runId = lunaryUuid(String(parentRunId));
    this.logs.push({ runId, level: String(event), message, extra: metadata ?? extra ?? {} });
  }

  /** Makes the thread if need be. What the model says is appended to the last row: a resend says it twice. */
  #chat(id: string, item: LunaryItem): void {
    if (item.parentRunId === undefined) throw new Error("No parent run ID provided");
    const threadId = lunaryUuid(String(item.parentRunId));
    const { role, content } = Object(item.message) as { role?: string; content?: unknown };
    const said = { role, content };
    const isAnswer = ["assistant", "tool", "bot"].includes(role ?? "");
    const startedAt = this.#isoTime(item);
    const thread = this.runs.get(threadId) ?? {
      id: threadId,
      type: "thread",
      status: "started" as const,
      startedAt,
      metadata: {},
    };
    this.runs.set(threadId, { ...thread, input: said });
    const previous = [...this.runs.values()].findLast(({ parentRunId }) => parentRunId === threadId);
    const mayAppend = previous !== undefined && (isAnswer || previous.output === undefined);
    const row: LunaryRun = mayAppend
      ? previous
      : { id, type: "chat", status: "started", startedAt, metadata: {}, parentRunId: threadId };
    const member = isAnswer ? "output" : "input";
    const before = row[member];
    if (mayAppend) this.runs.delete(row.id);
    // The row takes the id of the newest message.
    this.runs.set(id, {
      ...row,
      id,
      [member]: [...(Array.isArray(before) ? before : []), said],
      endedAt: startedAt,
    });
  }

  async #update(id: string, item: LunaryItem): Promise<void> {
    const run = await this.#find(id);
    if (!run) {
      this.lost.push(id);
      return;
    }
    this.runs.set(id, { ...run, ...this.#changeOf(run, item) });
  }

  #changeOf(run: LunaryRun, item: LunaryItem): Partial<LunaryRun> {
    const endedAt = this.#isoTime(item);
    if (item.event === "error") return { status: "error", error: item.error, endedAt };
    if (item.event === "feedback") return { feedback: { ...Object(run.feedback), ...Object(item.feedback) } };
    const usage = Object(item.tokensUsage) as {
      prompt?: number;
      completion?: number;
      promptCached?: number;
    };
    const metadata = { ...run.metadata, ...shallow(item.metadata) };
    const output = typeof item.output === "boolean" ? String(item.output) : item.output;
    return {
      status: "success",
      endedAt,
      output,
      metadata,
      ...(Boolean(item.input) && { input: item.input }),
      ...(usage.prompt !== undefined && { promptTokens: usage.prompt }),
      ...(usage.completion !== undefined && { completionTokens: usage.completion }),
      ...(usage.promptCached !== undefined && { promptCached: usage.promptCached }),
      countedByServer: run.type === "llm" && !(usage.prompt && usage.completion),
    };
  }

  async #parentOf(item: LunaryItem): Promise<string | undefined> {
    const given = item.parentRunId;
    if (given === undefined || given === null) return undefined;
    const id = lunaryUuid(String(given));
    return (await this.#find(id)) ? id : undefined;
  }

  /** What is not there may be on its way: the server waits once, then goes on without it. */
  async #find(id: string): Promise<LunaryRun | undefined> {
    const waitMs = this.runs.has(id) ? 0 : this.#orphanDelayMs;
    if (waitMs > 0) await sleep(this.#clock, waitMs, new AbortController().signal);
    return this.runs.get(id);
  }

  #isoTime(item: LunaryItem): string {
    const timeMs = timeOf(item);
    return new Date(Number.isNaN(timeMs) ? this.#clock.nowMs() : timeMs).toISOString();
  }
}

function timeOf(item: LunaryItem): number {
  const timestamp = item.timestamp;
  return typeof timestamp === "number" ? timestamp : Date.parse(String(timestamp));
}
