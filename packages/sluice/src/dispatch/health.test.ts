import { expect, test } from "vitest";
import { healthOf } from "./health.ts";

test("a sink is degraded at its first failure and unavailable at the fifth in a row", () => {
  const names = [0, 1, 4, 5, 900].map((failures) => healthOf({ name: "running" }, failures, 5).name);

  expect(names).toEqual(["healthy", "degraded", "degraded", "unavailable", "unavailable"]);
});

test("what a person has to mend shows as paused or failed, with the reason", () => {
  expect(healthOf({ name: "paused", reason: "401", sinceMs: 0 }, 0, 5)).toEqual({
    name: "paused",
    reason: "401",
  });
  expect(healthOf({ name: "failed", reason: "bug", sinceMs: 1 }, 0, 5)).toEqual({
    name: "failed",
    reason: "bug",
  });
  expect(healthOf({ name: "probing" }, 9, 5)).toEqual({ name: "probing" });
});
