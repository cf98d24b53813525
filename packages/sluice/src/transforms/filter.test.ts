import type { Event } from "@sluice/sdk";
import { expect, test } from "vitest";
import { createFilter, type Filter } from "./filter.ts";

const event: Event = {
  id: "1",
  kind: "run.ended",
  time: "2026-01-01T00:00:00Z",
  scope: { kind: "user", id: "ada" },
  session: { id: "s1", connector: "c1" },
  tags: ["beta"],
};

const cases: readonly (readonly [Filter, boolean])[] = [
  [{}, true],
  [{ kinds: ["run.*"] }, true],
  [{ kinds: ["run.ended"] }, true],
  [{ kinds: ["run.started", "cache.*"] }, false],
  [{ scope: { kind: "all" } }, true],
  [{ scope: { kind: "connector", connectorUid: "c1" } }, true],
  [{ scope: { kind: "connector", connectorUid: "c2" } }, false],
  [{ scope: { kind: "session", sessionId: "s1" } }, true],
  [{ scope: { kind: "user", userId: "ada" } }, true],
  [{ scope: { kind: "user", userId: "bob" } }, false],
  [{ scope: { kind: "system" } }, false],
  [{ scope: { kind: "tag", tag: "beta" } }, true],
  [{ scope: { kind: "tag", tag: "beta" }, kinds: ["cache.*"] }, false],
];

for (const [filter, passes] of cases) {
  test(`${JSON.stringify(filter)} ${passes ? "lets the event pass" : "holds the event back"}`, () => {
    expect(createFilter(filter)(event)).toBe(passes);
  });
}
