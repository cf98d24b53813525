import { ManualClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import type { Attempt, RouteHealth } from "../pipeline.ts";
import { createLogger } from "./logger.ts";
import { createMetrics } from "./metrics.ts";
import { createObserver } from "./observer.ts";
import { Secrets } from "./secrets.ts";

const open: { close(): void }[] = [];

afterEach(() => {
  for (const resource of open.splice(0)) resource.close();
});

test("each delivery attempt is one line with run, attempt, status, tokens and duration", () => {
  const { observer, lines } = setUp();

  observer.onAttempt(
    attempt({ runIds: ["run-1"], attempt: 2, httpStatus: 200, promptTokens: 11, completionTokens: 7 }),
  );

  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: 30,
    sink: "lunary",
    runId: "run-1",
    attempt: 2,
    status: 200,
    outcome: "delivered",
    promptTokens: 11,
    completionTokens: 7,
    durationMs: 12.3,
    events: 3,
  });
});

test("a failed attempt is a warning with its reason, and no line shows a secret", () => {
  const { observer, lines } = setUp();

  observer.onAttempt(attempt({ outcome: "retry", reason: "500 for key sk-secret-1", runIds: ["a", "b"] }));
  observer.onHealth(paused("401 for sk-secret-1"), "healthy");

  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: 40, outcome: "retry", runIds: ["a", "b"] });
  expect(JSON.parse(lines[1] ?? "")).toMatchObject({
    level: 40,
    sink: "lunary",
    state: "paused",
    was: "healthy",
  });
  expect(lines.join("")).not.toContain("sk-secret-1");
});

function setUp() {
  const lines: string[] = [];
  const secrets = new Secrets();
  secrets.add("sk-secret-1");
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level: "info", destination, secrets, clock: new ManualClock() });
  const metrics = createMetrics({ version: "1.2.3", status: () => undefined, live: () => undefined });
  open.push(metrics);
  return { lines, observer: createObserver(metrics, logger, () => undefined) };
}

function paused(reason: string): RouteHealth {
  return {
    route: "lunary",
    sink: "lunary",
    health: { name: "paused", reason },
    troubleSinceMs: 0,
  };
}

function attempt(changes: Partial<Attempt>): Attempt {
  return {
    sink: "lunary",
    outcome: "delivered",
    attempt: 1,
    events: 3,
    durationMs: 12.34,
    runIds: [],
    ...changes,
  };
}
