import { expect, test } from "vitest";
import type { LifecycleEmitter } from "../event/dialects/lifecycle/lifecycle-event.ts";
import { checkEvent, type IncomingEvent } from "../event/validate.ts";
import { bracketedEntry } from "../logfile/bracketed.ts";
import { ManualClock } from "../system/manual-clock.ts";
import { seededRandom } from "../system/random.ts";
import type { Emitter } from "./emitter.ts";
import { fromLifecycle, toLifecycle } from "./lifecycle.ts";

const run = { type: "llm", provider: "openai", startTime: "2026-11-21T05:00:00Z" };
const init = { provider: "openai", model_id: "gpt-4.1-mini" };
const events: readonly IncomingEvent[] = [
  { kind: "init.started", data: { ...init, temperature: 0 }, traceId: "t" },
  { kind: "init.succeeded", data: { ...init, capabilities: ["streaming"] } },
  { kind: "init.failed", data: { ...init, operation: "llm_initialization", error: "no key" } },
  { kind: "run.ended", runId: "r", run: { ...run, request: { model: "m", input: "Hi" }, status: "ok" } },
  { kind: "run.ended", runId: "s", run: { ...run, status: "cancelled", reason: "client_gone" } },
  { kind: "tool.called", runId: "r", tool: { id: "c", name: "search", arguments: { q: 1 } }, data: init },
];

/** An object with the six methods that writes down what it is told. */
function recorder() {
  const calls: [string, object][] = [];
  const heard = (name: string) => (event: object) => {
    calls.push([name, event]);
  };
  const methods: LifecycleEmitter = {
    emitLLMInitializationStart: heard("start"),
    emitLLMInitializationSuccess: heard("success"),
    emitLLMInitializationError: heard("error"),
    emitLLMGenerationSuccess: heard("generated"),
    emitLLMGenerationError: heard("not generated"),
    emitToolCallDetected: heard("tool"),
  };
  return { calls, methods };
}

function drops() {
  const told: unknown[][] = [];
  return { told, onDrop: (...drop: unknown[]) => void told.push(drop) };
}

/** An emitter that keeps what it is given, and the six methods over it. */
function kept() {
  const emitted: IncomingEvent[] = [];
  const { told, onDrop } = drops();
  const emitter: Emitter = {
    emit: (event) => void emitted.push(event),
    flush: async () => {},
    close: async () => {},
  };
  const clock = new ManualClock(Date.parse("2025-01-27T14:30:25.431Z"));
  return { emitted, told, six: toLifecycle(emitter, { onDrop, clock, random: seededRandom(1) }) };
}

test("each of the six methods hears its event, with what is true and nothing else", () => {
  const { calls, methods } = recorder();
  const emitter = fromLifecycle(methods);

  for (const event of events) emitter.emit(event);

  expect(calls).toEqual([
    ["start", { ...init, temperature: 0, trace_id: "t" }],
    ["success", { ...init, capabilities: ["streaming"], trace_id: "" }],
    ["error", { ...init, operation: "llm_initialization", error: "no key", trace_id: "" }],
    [
      "generated",
      {
        ...{ provider: "openai", model_id: "m", operation: "llm_generation", messages_count: 1 },
        ...{ message_content: "Hi", trace_id: "" },
      },
    ],
    [
      "not generated",
      { provider: "openai", operation: "llm_generation", error: "client_gone", trace_id: "" },
    ],
    ["tool", { ...init, tool_call_id: "c", tool_name: "search", arguments: '{"q":1}', trace_id: "" }],
  ]);
});

test("an event whose method is not there is dropped with a reason", () => {
  const { told, onDrop } = drops();
  const emitter = fromLifecycle({ emitToolCallDetected: () => {} }, { onDrop });

  for (const event of events) emitter.emit(event);

  expect(told.map(([count, reason]) => [count, reason])).toEqual(Array(5).fill([1, "no_form"]));
});

test("what the six methods have no word for calls none of them, and is no drop", () => {
  const { told, onDrop } = drops();
  const { calls, methods } = recorder();
  const emitter = fromLifecycle(methods, { onDrop });
  const run = { type: "tool", startTime: "2026-11-21T05:00:00Z" };

  emitter.emit({ kind: "run.started", runId: "r", run: { ...run, type: "llm" } });
  emitter.emit({ kind: "run.ended", runId: "r", run: { ...run, status: "ok" } });
  emitter.emit({ kind: "run.scored", runId: "r", data: 1 });
  emitter.emit({ kind: "order.placed" });
  emitter.emit({
    ...{ kind: "lifecycle.MINE", data: { provider: "p" } },
    origin: { dialect: "lifecycle", keys: ["event_type", "provider"] },
  });

  expect(calls).toEqual([]);
  expect(told).toEqual([]);
});

test("a method that throws or rejects reaches nobody but onDrop (P16)", async () => {
  const { told, onDrop } = drops();
  const methods: Partial<LifecycleEmitter> = {
    emitLLMInitializationStart: () => {
      throw new Error("disk full");
    },
    emitLLMInitializationSuccess: () => Promise.reject(new Error("gone")),
  };
  const emitter = fromLifecycle(methods, { onDrop });

  for (const event of events.slice(0, 2)) emitter.emit(event);
  await emitter.flush();

  expect(told).toEqual([
    [1, "threw", "disk full"],
    [1, "threw", "gone"],
  ]);
});

test("an event that is none, or cannot be read, does not throw", () => {
  const { told, onDrop } = drops();
  const emitter = fromLifecycle(recorder().methods, { onDrop });
  const hostile: IncomingEvent = {
    kind: "init.started",
    get data(): string {
      throw new Error("no");
    },
  };

  emitter.emit({ kind: "" });
  emitter.emit(hostile);

  expect(told.map(([count, reason]) => [count, reason])).toEqual([
    [1, "invalid"],
    [1, "invalid"],
  ]);
});

test("flush waits for what the methods have begun, until its signal aborts, and close takes no more", async () => {
  const gate = Promise.withResolvers<void>();
  const { told, onDrop } = drops();
  const emitter = fromLifecycle({ emitLLMInitializationStart: () => gate.promise }, { onDrop });
  const [started = { kind: "init.started" }] = events;
  emitter.emit(started);
  let isFlushed = false;

  await emitter.flush(AbortSignal.abort());
  const flushed = emitter.flush().then(() => {
    isFlushed = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  const before = isFlushed;
  gate.resolve();
  await flushed;
  await emitter.close();
  emitter.emit(started);

  expect(before).toBe(false);
  expect(told).toEqual([[1, "closed", undefined]]);
});

test("what the six methods are given reaches any emitter, and comes out in the order of the log", () => {
  const { emitted, told, six } = kept();

  six.emitLLMInitializationStart({
    ...{ metadata: { user: "u" }, temperature: 0.7, model_id: "gpt-4.1-mini", provider: "openai" },
    more: [1],
  });

  expect(told).toEqual([]);
  expect(checkEvent(emitted[0])).toBeUndefined();
  expect(bracketedEntry({ id: "", time: "", ...emitted[0], kind: "init.started" })).toBe(
    [
      ...["[2025-01-27 14:30:25] [EVENT: INIT_START]", "{"],
      ...['  "event_type": "LLM_INITIALIZATION_START",', '  "provider": "openai",'],
      ...['  "model_id": "gpt-4.1-mini",', '  "temperature": 0.7,', '  "trace_id": "",'],
      ...['  "metadata": {', '    "user": "u"', "  },", '  "more": [', "    1", "  ]", "}"],
    ].join("\n"),
  );
});

test("all six methods over an emitter and back tell the same", () => {
  const { emitted, told, six } = kept();
  const first = recorder();
  const second = recorder();
  const there = fromLifecycle(first.methods);
  for (const event of events) there.emit(event);

  const again = fromLifecycle(six);
  for (const event of events) again.emit(event);
  const back = fromLifecycle(second.methods);
  for (const event of emitted) back.emit(event);

  expect(told).toEqual([]);
  expect(emitted.map(({ id }) => id).filter((id) => id === undefined)).toEqual([]);
  expect(second.calls).toEqual(first.calls);
});

test("what is not in the form of a method is dropped, and never throws", () => {
  const { emitted, told, six } = kept();
  const untyped = six as unknown as Record<string, (event: unknown) => void>;

  untyped.emitToolCallDetected?.({ provider: "openai", model_id: "m" });
  untyped.emitLLMGenerationError?.(undefined);
  untyped.emitLLMGenerationSuccess?.({ provider: 7n, model_id: "m" });

  expect(emitted).toEqual([]);
  expect(told).toEqual([
    [1, "invalid", "TOOL_CALL_DETECTED: tool_name is missing, and this form needs it"],
    [1, "invalid", expect.any(String)],
    [1, "invalid", expect.stringMatching(/provider must be .*, not a bigint$/)],
  ]);
});
