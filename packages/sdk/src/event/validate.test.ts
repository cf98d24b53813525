import { expect, test } from "vitest";
import { deriveId } from "./ids.ts";
import { checkEvent, endId, isComplete, isPiece } from "./validate.ts";

const startTime = "2026-11-21T05:00:00.000Z";
const started = { kind: "run.started", runId: "run-1", run: { type: "llm", startTime } };
const ended = { kind: "run.ended", runId: "run-1", run: { type: "llm", startTime, status: "ok" as const } };
const piece = { kind: "run.ended", runId: "run-1", run: { type: "llm", status: "ok" as const } };

const full = {
  id: deriveId("run-1", "ended"),
  kind: "run.ended",
  time: "2026-11-21T05:00:01.5Z",
  scope: { kind: "user", id: "u-1", props: { plan: "pro" } },
  runId: "run-1",
  parentRunId: "run-0",
  traceId: "trace-1",
  session: { id: "s-1", connector: "vscode", nativeId: "n-1" },
  tags: ["a"],
  metadata: { env: "test", deep: { more: [1] } },
  run: {
    type: "llm",
    name: "gpt-4o",
    provider: "openai",
    operation: "chat",
    startTime,
    firstTokenTime: startTime,
    status: "ok",
    request: { model: "gpt-4o", input: [{ role: "user" }], params: { temperature: 1 }, stream: true },
    response: { id: "chatcmpl-1", model: "gpt-4o-2024", output: {}, finishReasons: ["stop"] },
    usage: { input: 1, cacheRead: 0, output: 2, source: "provider", raw: { prompt_tokens: 1 } },
    error: { message: "m", type: "t", code: "c", stack: "s" },
    pieces: ["p-1"],
    truncated: { requestBytes: 5 },
    http: { status: 200 },
    somethingNew: [1, 2],
  },
  tool: { id: "call-1", name: "search", arguments: "{" },
  data: [1],
  somethingNew: { any: "thing" },
};

test.each([
  ["a start", started],
  ["a complete end", ended],
  ["a piece of an end", piece],
  ["an end with everything", full],
  ["a late end", { ...ended, id: deriveId("run-1", "ended:2"), run: { ...ended.run, revision: 2 } }],
  ["a tool call", { kind: "tool.called", runId: "run-1", tool: { name: "search" } }],
  ["a score", { kind: "run.scored", runId: "run-1", data: { value: 1 } }],
  ["a custom event", { kind: "order placed", data: null }],
  ["a system event", { kind: "cache.hit", scope: { kind: "system" } }],
  ["an id in any script", { kind: "x", id: "заказ-😀" }],
])("%s passes", (_name, event) => {
  expect(checkEvent(event)).toBeUndefined();
});

/**
 * A copy of the full event in which one field is something else; a path ending in undefined takes it away.
 */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(full) as unknown as Record<string, unknown>;
  const names = path.split(".");
  const last = names.pop() ?? "";
  let at = copy;
  for (const name of names) at = at[name] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

test.each([
  ["kind", undefined, "missing_field"],
  ["runId", undefined, "missing_field"],
  ["run", undefined, "missing_field"],
  ["run.type", undefined, "missing_field"],
  ["scope.id", undefined, "missing_field"],
  ["tool.name", undefined, "missing_field"],
  ["run.error.message", undefined, "missing_field"],
  ["run.usage.source", undefined, "invalid_field"],
  ["id", 7, "invalid_field"],
  ["id", "", "invalid_field"],
  ["id", "x".repeat(201), "invalid_field"],
  ["id", "a\nb", "invalid_field"],
  ["id", "a\u0085b", "invalid_field"],
  ["id", "a\u2028b", "invalid_field"],
  ["id", "\ud800", "invalid_field"],
  ["id", null, "invalid_field"],
  ["kind", 1, "invalid_field"],
  ["kind", "run.delta", "invalid_field"],
  ["time", "yesterday", "invalid_field"],
  ["time", 1_700_000_000_000, "invalid_field"],
  ["runId", 5, "invalid_field"],
  ["parentRunId", null, "invalid_field"],
  ["traceId", {}, "invalid_field"],
  ["scope", "user", "invalid_field"],
  ["scope.kind", "tenant", "invalid_field"],
  ["scope.props", [], "invalid_field"],
  ["session", [], "invalid_field"],
  ["session.nativeId", 1, "invalid_field"],
  ["tags", "a", "invalid_field"],
  ["metadata", [], "invalid_field"],
  ["run", [], "invalid_field"],
  ["run.status", "fine", "invalid_field"],
  ["run.startTime", "now", "invalid_field"],
  ["run.revision", 1.5, "invalid_field"],
  ["run.request", 1, "invalid_field"],
  ["run.request.model", 1, "invalid_field"],
  ["run.request.stream", "yes", "invalid_field"],
  ["run.response", null, "invalid_field"],
  ["run.usage", 3, "invalid_field"],
  ["run.usage.input", "3", "invalid_field"],
  ["run.usage.input", -1, "out_of_range"],
  ["run.usage.output", Number.POSITIVE_INFINITY, "out_of_range"],
  ["run.usage.reasoning", 2e12, "out_of_range"],
  ["run.pieces", [1], "invalid_field"],
  ["tool", "search", "invalid_field"],
])("%s = %j is refused by its name", (path, value, code) => {
  const fault = checkEvent(changed(path, value));

  expect(fault?.code).toBe(code);
  expect(fault?.field.replace(/\[\d+\]$/, "")).toBe(path);
  expect(fault?.detail).not.toBe("");
});

test.each([[null], [1], ["text"], [[]]])("%j is no event", (value) => {
  expect(checkEvent(value)?.code).toBe("invalid_field");
});

test("a start without its start time is refused", () => {
  expect(checkEvent({ ...started, run: { type: "llm" } })).toMatchObject({ field: "run.startTime" });
});

test("a complete end under another id is told which id to use", () => {
  const fault = checkEvent({ ...ended, id: "mine" });

  expect(fault).toMatchObject({ code: "wrong_id", field: "id" });
  expect(fault?.detail).toContain(deriveId("run-1", "ended"));
});

test("a piece may have any id", () => {
  expect(checkEvent({ ...piece, id: "mine" })).toBeUndefined();
});

test("an end is complete with its start time and status, and a piece without either", () => {
  expect([isComplete(ended), isPiece(ended)]).toEqual([true, false]);
  expect([isComplete(piece), isPiece(piece)]).toEqual([false, true]);
  expect([isComplete(started), isPiece(started)]).toEqual([false, false]);
});

test("a late end has an id of its own", () => {
  expect(endId("run-1")).toBe(deriveId("run-1", "ended"));
  expect(endId("run-1", 2)).toBe(deriveId("run-1", "ended:2"));
  expect(endId("run-2", 2)).toBe(deriveId("run-2", "ended:2"));
  expect(endId("run-2", 2)).toBe(deriveId("run-2", "ended:2"));
});
