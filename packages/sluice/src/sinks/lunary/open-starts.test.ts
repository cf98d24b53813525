import { expect, test } from "vitest";
import { outgoing } from "../../testing/outgoing.ts";
import { createOpenStarts } from "./open-starts.ts";
import { started } from "./rig.test-support.ts";

const start = outgoing(started("a"));

test("a start is known until its end", () => {
  const starts = createOpenStarts();

  starts.opened("a", start);

  expect(starts.of("a")).toBe(start);
  starts.ended("a");
  expect(starts.of("a")).toBeUndefined();
});

test("the oldest are forgotten, by number and by bytes", () => {
  const byNumber = createOpenStarts(2);
  const byBytes = createOpenStarts(9, start.raw.length * 2);

  for (const starts of [byNumber, byBytes]) {
    for (const runId of ["a", "b", "b", "c"]) starts.opened(runId, start);

    expect(["a", "b", "c"].map((runId) => starts.of(runId) !== undefined)).toEqual([false, true, true]);
  }
});
