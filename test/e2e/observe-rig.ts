import type { Event, IncomingEvent } from "@sluice/sdk";
import { type ObserveOptions, observe } from "@sluice/sdk";
import OpenAI, { type ClientOptions } from "openai";
import {
  type Answer,
  openProviderServer,
  type ProviderServer,
} from "../../packages/sluice/src/testing/provider-server.ts";

/** The real client, observed, in front of a provider that we script, and an emitter that remembers. */
export interface ObserveRig {
  readonly provider: ProviderServer;
  readonly openai: OpenAI;
  readonly events: Event[];
  readonly uncaptured: string[];
  /** A client of the same kind that nobody observes. */
  readonly plain: OpenAI;
  /** The only end. */
  ended(): Event;
  of(kind: string): Event[];
  close(): Promise<void>;
}

export const KEY = "sk-canary-0123456789";

export async function openObserveRig(
  client: ClientOptions = {},
  options: Partial<ObserveOptions> = {},
): Promise<ObserveRig> {
  const provider = await openProviderServer();
  const events: Event[] = [];
  const uncaptured: string[] = [];
  const emitter = {
    // As text and back: what is changed after `emit` must not show, and what is no JSON must not either.
    emit: (event: IncomingEvent) => void events.push(JSON.parse(JSON.stringify(event))),
    flush: async () => {},
    close: async () => {},
  };
  const make = () => new OpenAI({ apiKey: KEY, baseURL: `${provider.url}/v1`, ...client });
  const openai = observe(make(), {
    emitter,
    onUncaptured: (...told) => void uncaptured.push(told.join(": ")),
    ...options,
  });
  events.length = 0;
  const of = (kind: string) => events.filter((event) => event.kind === kind);
  return {
    provider,
    openai,
    plain: make(),
    events,
    uncaptured,
    of,
    ended: () => {
      const [ended, ...more] = of("run.ended");
      if (ended === undefined || more.length > 0)
        throw new Error(`${of("run.ended").length} runs have ended, not 1`);
      return ended;
    },
    close: () => provider.close(),
  };
}

/** A JSON answer of a chat completion. */
export function chatAnswer(content: string): Answer {
  const body = {
    id: "chatcmpl-1",
    object: "chat.completion",
    model: "gpt-4o-2024-08-06",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 8, completion_tokens: 3, total_tokens: 11 },
  };
  return { headers: { "content-type": "application/json" }, chunks: [Buffer.from(JSON.stringify(body))] };
}

/** The events of a streamed chat completion, each one chunk; the last two are the end and `[DONE]`. */
export function chatChunks(words: readonly string[]): Buffer[] {
  const chunk = (delta: object, finish: string | null) => ({
    ...{ id: "chatcmpl-1", object: "chat.completion.chunk", model: "gpt-4o-2024-08-06" },
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const texts = words.map((content) => JSON.stringify(chunk({ role: "assistant", content }, null)));
  return [...texts, JSON.stringify(chunk({}, "stop")), "[DONE]"].map((text) =>
    Buffer.from(`data: ${text}\n\n`),
  );
}

export function chatStream(words: readonly string[], more: Partial<Answer> = {}): Answer {
  return { headers: { "content-type": "text/event-stream" }, chunks: chatChunks(words), ...more };
}
