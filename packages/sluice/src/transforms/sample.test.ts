import type { Event } from "@sluice/sdk";
import { expect, test } from "vitest";
import { createSample } from "./sample.ts";

const time = "2026-01-01T00:00:00Z";
const usage = { input: 10, output: 20, source: "provider" } as const;

function end(runId: string, more: Partial<Event> = {}): Event {
  const run = { type: "llm", usage, request: { model: "m", input: "secret" }, response: { output: "words" } };
  return { id: `${runId}-end`, kind: "run.ended", time, runId, run, ...more };
}

test("the share of runs that is kept whole is the one asked for, and the same each time", () => {
  const sample = createSample(0.1);
  const ids = Array.from({ length: 20_000 }, (_, index) => `run-${index}`);

  const kept = ids.filter((id) => sample({ id: `s-${id}`, kind: "run.started", time, runId: id }));

  expect(kept.length).toBeGreaterThan(1_800);
  expect(kept.length).toBeLessThan(2_200);
  expect(kept.filter((id) => createSample(0.1)(end(id))?.run?.["sampledOut"])).toEqual([]);
});

test("runs of one trace are kept or left out together", () => {
  const sample = createSample(0.5);
  for (let trace = 0; trace < 100; trace++) {
    const whole = [1, 2, 3].map((run) => {
      const event = end(`run-${trace}-${run}`, { traceId: `trace-${trace}` });
      return sample(event) === event;
    });
    expect(new Set(whole).size).toBe(1);
  }
});

test("of what is left out every error is kept whole, and every end keeps its usage and none of its words", () => {
  const sample = createSample(0);
  const failed = end("a", { run: { type: "llm", status: "error", error: { message: "no" } } });
  const told = end("b", { origin: { dialect: "run-payload", rest: { input: "secret" } } });

  expect(sample(failed)).toBe(failed);
  expect(sample({ id: "s", kind: "run.started", time, runId: "b" })).toBeUndefined();
  const reduced = sample(told);
  expect(reduced?.run).toEqual({
    type: "llm",
    usage,
    request: { model: "m" },
    response: {},
    sampledOut: true,
  });
  expect(JSON.stringify(reduced)).not.toContain("secret");
});

test("what belongs to no run is kept", () => {
  const note: Event = { id: "n", kind: "note.made", time };
  expect(createSample(0)(note)).toBe(note);
});
