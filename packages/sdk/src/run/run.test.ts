import fc from "fast-check";
import { expect, test } from "vitest";
import type { Emitter } from "../emit/emitter.ts";
import { createIds } from "../event/ids.ts";
import { checkEvent, endId, type IncomingEvent } from "../event/validate.ts";
import { ManualClock } from "../system/manual-clock.ts";
import { seededRandom } from "../system/random.ts";
import type { RunOptions } from "./active-run.ts";
import { currentRun } from "./context.ts";
import { openRun } from "./emitting-run.ts";
import { startRun, withRun } from "./run.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

/** An emitter that remembers what it got as text, so that later changes would show. */
function openRuns() {
  const clock = new ManualClock(Date.UTC(2026, 10, 21, 5));
  const machine = { clock, ids: createIds(clock, seededRandom(1)), writer: "process-1" };
  const texts: string[] = [];
  const emitter: Emitter = {
    emit: (event) => void texts.push(JSON.stringify(event)),
    flush: async () => {},
    close: async () => {},
  };
  const events = () => texts.map((text): IncomingEvent => JSON.parse(text));
  const start = (options: RunOptions) => openRun(emitter, options, machine);
  return { clock, emitter, events, start };
}

test("a run is a start at once and one end that repeats it", async () => {
  const { clock, start, events } = openRuns();
  const request = { model: "gpt-4o", input: [{ role: "user", content: "Hi" }] };

  const run = start({
    type: "llm",
    name: "gpt-4o",
    provider: "openai",
    request,
    tags: ["a"],
    metadata: { b: 1 },
  });
  expect(events()).toHaveLength(1);
  await clock.advance(700);
  run.delta();
  await clock.advance(1_300);
  run.end({ response: { output: "Hello!" }, usage: { input: 8, output: 3, source: "provider" } });

  const [started, ended] = events();
  const said = { type: "llm", name: "gpt-4o", provider: "openai", request, writer: "process-1" };
  const startTime = "2026-11-21T05:00:00.000Z";
  const envelope = { runId: run.id, traceId: run.traceId, tags: ["a"], metadata: { b: 1 } };
  expect(started).toEqual({
    id: expect.any(String),
    kind: "run.started",
    time: startTime,
    ...envelope,
    run: { ...said, startTime },
  });
  expect(ended).toEqual({
    id: endId(run.id),
    kind: "run.ended",
    time: "2026-11-21T05:00:02.000Z",
    ...envelope,
    run: {
      ...said,
      startTime,
      firstTokenTime: "2026-11-21T05:00:00.700Z",
      status: "ok",
      response: { output: "Hello!" },
      usage: { input: 8, output: 3, source: "provider" },
    },
  });
  expect(events().map(checkEvent)).toEqual([undefined, undefined]);
});

test("only the first end counts, and the others are told", () => {
  const { start, events } = openRuns();

  const run = start({ type: "agent" });
  run.cancel("enough");
  run.end();
  run.fail(new Error("late"));
  run.toolCall({ name: "late" });
  run.delta("late");

  expect(events().map((event) => event.run?.status)).toEqual([undefined, "cancelled"]);
  expect(events()[1]?.run?.reason).toBe("enough");
  expect(run.ignored).toBe(4);
});

test("the end says what the start said, although the application has gone on with its objects", () => {
  const { start, events } = openRuns();
  const input = [{ role: "user", content: "Hi" }];

  const run = start({ type: "llm", request: { input } });
  input.push({ role: "assistant", content: "Hello!" });
  run.end();

  expect(events()[1]?.run?.request).toEqual({ input: [{ role: "user", content: "Hi" }] });
});

test("a clock that is set back moves no end before its start", async () => {
  const { clock, start, events } = openRuns();

  const run = start({ type: "chain" });
  clock.jump(-3_600_000);
  await clock.advance(5);
  run.end();

  expect(events()[1]?.time).toBe("2026-11-21T05:00:00.005Z");
});

test("tool calls have derived ids and say whose they are, scores come whenever they like", () => {
  const { start, events } = openRuns();

  const run = start({ type: "llm", provider: "openai", request: { model: "gpt-4o" } });
  run.toolCall({ id: "call_1", name: "search", arguments: '{"q":1}' });
  run.toolCall({ name: "x".repeat(2_000) });
  run.end();
  run.score({ name: "helpful", value: 1 });

  const [, first, second, , score] = events();
  const data = { provider: "openai", model_id: "gpt-4o" };
  expect(first).toMatchObject({ tool: { id: "call_1", name: "search", arguments: '{"q":1}' }, data });
  expect(second?.tool?.name).toHaveLength(1_000);
  expect(first?.id).not.toBe(second?.id);
  expect(score).toMatchObject({ kind: "run.scored", runId: run.id, data: { name: "helpful", value: 1 } });
  expect(events().map(checkEvent)).toEqual(Array(5).fill(undefined));
});

test("a child has its parent's trace, scope and session", () => {
  const { start, events } = openRuns();
  const scope = { kind: "user", id: "user-7" } as const;

  const run = start({ type: "agent", scope, session: { id: "s-1" } });
  const child = run.child({ type: "tool", session: { id: "s-2" } });

  expect(child.traceId).toBe(run.traceId);
  expect(events()[1]).toMatchObject({
    parentRunId: run.id,
    traceId: run.traceId,
    scope,
    session: { id: "s-2" },
  });
});

test("a traceparent comes in and goes out", () => {
  const { start, events } = openRuns();

  const run = start({ type: "agent", parent: `00-${traceId}-00f067aa0ba902b7-00` });
  const child = start({ type: "llm", parent: run });
  const lone = start({ type: "llm", parent: "00-nonsense" });

  expect(events()[0]).toMatchObject({ traceId, parentSpanId: "00f067aa0ba902b7" });
  expect(events()[0]).not.toHaveProperty("parentRunId");
  expect(run.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  expect(child.traceparent.slice(0, 36)).toBe(run.traceparent.slice(0, 36));
  expect(child.traceparent).not.toBe(run.traceparent);
  expect(lone.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});

test("the run around code is the parent of what the code starts, across awaits", async () => {
  const { emitter, start, events } = openRuns();

  const result = await withRun(emitter, { type: "agent" }, async (run) => {
    await new Promise((resolve) => setImmediate(resolve));
    expect(currentRun()).toBe(run);
    start({ type: "tool" });
    start({ type: "tool", parent: null });
    return 7;
  });

  const [agent, tool, root, ended] = events();
  expect(result).toBe(7);
  expect(currentRun()).toBeUndefined();
  expect(tool?.parentRunId).toBe(agent?.runId);
  expect(root).not.toHaveProperty("parentRunId");
  expect(ended).toMatchObject({ runId: agent?.runId, run: { status: "ok" } });
});

test.each([
  ["error", new TypeError("no")],
  ["cancelled", new DOMException("stopped", "AbortError")],
  ["error", "a text"],
])("an action that throws ends its run as %s, and its error arrives untouched", async (status, thrown) => {
  const { emitter, events } = openRuns();
  const action = () => {
    throw thrown;
  };

  await expect(withRun(emitter, { type: "chain" }, action)).rejects.toBe(thrown);

  expect(events()[1]?.run?.status).toBe(status);
});

test("an action may end its run by itself", async () => {
  const { emitter, events } = openRuns();

  const run = await withRun(emitter, { type: "chain" }, (inside) => {
    inside.end({ status: "incomplete", reason: "timeout" });
    return inside;
  });

  expect(events()).toHaveLength(2);
  expect(events()[1]?.run).toMatchObject({ status: "incomplete", reason: "timeout" });
  expect(run.ignored).toBe(0);
});

test("pieces go to the stream and to no emitter", () => {
  const { start, events } = openRuns();
  const seen: unknown[] = [];
  const stream = { trySend: (item: unknown) => seen.push(item) > 0 };

  const run = start({ type: "llm", stream });
  run.delta("Hel");
  run.delta({ type: "Usage", data: {}, timestamp: "2026-11-21T05:00:00.000Z" });

  expect(seen).toMatchObject([{ type: "TextDelta", data: { text: "Hel" } }, { type: "Usage" }]);
  expect(events()).toHaveLength(1);
});

test("an emitter or a stream that throws is counted, and the application does not learn of it", () => {
  const fail = () => {
    throw new Error("broken");
  };
  const emitter = { emit: fail, flush: async () => {}, close: async () => {} };

  const run = startRun(emitter, { type: "llm", stream: { trySend: fail } });
  run.delta("x");
  run.end();

  expect(run.uncaptured).toBe(3);
});

test("nothing that is given makes a run throw", () => {
  const { emitter } = openRuns();
  const hostile = new Proxy(
    {},
    {
      get() {
        throw new Error("no");
      },
      ownKeys() {
        throw new Error("no");
      },
    },
  );
  const anything = fc.oneof(fc.anything({ withNullPrototype: true, withBigInt: true }), fc.constant(hostile));

  fc.assert(
    fc.property(anything, anything, anything, (one, two, three) => {
      // The types forbid it; a program in JavaScript does not ask them.
      const start = startRun as unknown as (...given: unknown[]) => ReturnType<typeof startRun>;
      for (const run of [
        start(emitter, one),
        start(emitter, { type: one, parent: two, id: three }),
        start(one, two),
      ]) {
        const calls = run as unknown as Record<string, (...given: unknown[]) => void>;
        for (const name of ["delta", "toolCall", "score", "child"]) calls[name]?.(one, two);
        calls.fail?.(two, three);
        calls.end?.(three);
        calls.cancel?.(one);
        expect(run.traceparent).toMatch(/^00-/);
      }
    }),
  );
});

test("what a program without types leaves out, or says null to, costs it none of its events", () => {
  const { emitter, events } = openRuns();
  const start = startRun as unknown as (...given: unknown[]) => ReturnType<typeof startRun>;

  start(emitter, {}).end();
  start(emitter, { type: 5 }).end();
  start(emitter, { type: "llm", tags: null, metadata: null, scope: null, session: null }).end();

  expect(events().map((event) => checkEvent(event))).toEqual(Array(6).fill(undefined));
  expect(new Set(events().map((event) => event.run?.type))).toEqual(new Set(["unknown", "llm"]));
});
