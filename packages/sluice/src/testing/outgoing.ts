import { randomUUID } from "node:crypto";
import type { Event } from "@sluice/sdk";
import type { Outgoing } from "../sinks/define.ts";

/** An event as a route hands it to a sink. */
export function outgoing(event: Event): Outgoing {
  return { id: event.id, raw: Buffer.from(JSON.stringify(event)), event };
}

/** A complete LLM run with ids of its own; `changes` replaces whole fields. */
export function llmRun(changes: Partial<Event> = {}): Event {
  return {
    id: randomUUID(),
    kind: "run.ended",
    time: "2026-01-01T00:00:01.000Z",
    runId: randomUUID(),
    run: {
      type: "llm",
      name: "gpt-4.1-mini",
      provider: "openai",
      operation: "chat",
      startTime: "2026-01-01T00:00:00.000Z",
      status: "ok",
      request: { model: "gpt-4.1-mini", input: [{ role: "user", content: "Hello" }] },
      response: { output: { role: "assistant", content: "Hi!" } },
      usage: { input: 5, output: 2, source: "provider" },
    },
    ...changes,
  };
}

/** Events that are allowed and unusual: what breaks a sink that was only shown ordinary ones. */
export function oddEvents(): readonly Event[] {
  const withInput = (input: string, more: Partial<Event> = {}) => {
    const event = llmRun(more);
    return { ...event, run: { ...event.run, type: "llm", request: { input } } };
  };
  return [
    withInput("emoji 🧵👩‍👩‍👧, Grüße, 日本語, right to left: שלום"),
    withInput("half a pair: \ud83e, a NUL: \0, an escape: \u001b[2J, separators: \u2028\u2029"),
    withInput("x".repeat(1_000_000)),
    withInput("keys", {
      metadata: JSON.parse('{"__proto__":{"polluted":1},"constructor":"c","a":{"b":{"c":[1,{"d":null}]}}}'),
    }),
    withInput("ids", {
      runId: "../../etc/passwd",
      parentRunId: "run 1",
      tags: ["", "ä"],
      session: { id: "s" },
    }),
    withInput("user", {
      scope: { kind: "user", id: "Ann <ann@example.com>/../%2e%2e\n", props: { plan: "pro" } },
    }),
    withInput("equal times", { time: "2026-01-01T00:00:00.000Z" }),
    { id: "custom", kind: "order.placed", time: "2026-01-01T00:00:00.000Z", data: { nested: [[[[1]]]] } },
    { id: "bare", kind: "run.ended", time: "2026-01-01T00:00:00.000Z" },
  ];
}
