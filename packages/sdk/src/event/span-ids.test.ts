import { expect, test } from "vitest";
import { spanIdOf, traceIdOf } from "./span-ids.ts";

test("a run is the same span wherever it is asked for", () => {
  expect(spanIdOf("run-1")).toMatch(/^[\da-f]{16}$/);
  expect(spanIdOf("run-1")).toBe(spanIdOf("run-1"));
  expect(spanIdOf("run-1")).not.toBe(spanIdOf("run-2"));
});

test("a trace id of OpenTelemetry stays as it is, and any other always becomes the same one", () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  expect(traceIdOf({ id: "1", traceId })).toBe(traceId);
  for (const name of ["scroll-1", "0".repeat(32), traceId.toUpperCase(), "\u{1f600}"]) {
    const derived = traceIdOf({ id: "1", traceId: name });
    expect(derived).toMatch(/^[\da-f]{32}$/);
    expect(derived).not.toBe(traceIdOf({ id: "1", traceId: `${name}.` }));
    expect(traceIdOf({ id: "2", traceId: name })).toBe(derived);
  }
});

test("an event without a trace is in one of its run's, or its own", () => {
  expect(traceIdOf({ id: "1", runId: "a" })).toBe(traceIdOf({ id: "2", runId: "a" }));
  expect(traceIdOf({ id: "1" })).not.toBe(traceIdOf({ id: "2" }));
});
