import { afterEach, expect, test } from "vitest";
import { type Backend, type BackendOptions, type Step, startBackend } from "./backend.ts";
import { TLS_ALERT } from "./fault.ts";

let backend: Backend;
afterEach(() => backend.close());

async function ask(step: Step, options: BackendOptions = {}): Promise<string> {
  backend = await startBackend(options);
  backend.script(step);
  try {
    const answer = await fetch(backend.url, { method: "POST", body: "{}", signal: AbortSignal.timeout(300) });
    return `${answer.status} ${(await answer.text()).slice(0, 15)}`;
  } catch (error) {
    return error instanceof Error && error.name === "TimeoutError" ? "no answer" : "broken";
  }
}

test.each<readonly [Step, string]>([
  ["pass", "200 {}"],
  [{ status: 429, headers: { "retry-after": "7" } }, "429 "],
  ["hang", "no answer"],
  ["hangAfterHeaders", "no answer"],
  ["reset", "broken"],
  ["loseAnswer", "broken"],
  ["resetAfterStatus", "broken"],
  ["garbage", "broken"],
  ["lie", "200 "],
  ["html", "200 <!doctype html>"],
  ["tlsAlert", "broken"],
  ["hugeHeader", "broken"],
  ["continueForever", "broken"],
  ["continueFlood", "broken"],
  ["processingFlood", "no answer"],
  [{ body: "x".repeat(50), drip: { bytes: 1, everyMs: 20 } }, "no answer"],
  [{ body: {}, drip: { bytes: 1, everyMs: 20, from: "status" } }, "no answer"],
  [{ status: 503, body: "later", drip: { bytes: 50, everyMs: 1, from: "status" } }, "503 later"],
])("a backend that is told to %j does so", async (step, seen) => {
  expect(await ask(step)).toBe(seen);
  expect(backend.requests).toHaveLength(1);
});

test("an answer that is lost was given: what was asked is done", async () => {
  let done = 0;
  await ask("loseAnswer", { answer: () => ({ body: { done: ++done } }) });
  await ask("reset", { answer: () => ({ body: { done: ++done } }) });

  expect(done).toBe(1);
});

test("a port of somebody else speaks first, and one that is slow to accept answers late", async () => {
  expect(await ask("pass", { greeting: "220 mail.example ESMTP\r\n" })).toBe("broken");
  await backend.close();
  expect(await ask("pass", { greeting: TLS_ALERT })).toBe("broken");
  await backend.close();
  expect(await ask("pass", { acceptDelayMs: 10_000 })).toBe("no answer");
});

test("what a backend has chosen to do holds until it chooses anew, behind its script", async () => {
  backend = await startBackend();
  backend.choose(({ method }) => (method === "GET" ? "html" : { status: 503 }));
  backend.script({ status: 429, headers: { "retry-after": ["1", "2"] } });
  const statusOf = async (method: string) => (await fetch(backend.url, { method })).status;

  expect([await statusOf("POST"), await statusOf("POST"), await statusOf("GET")]).toEqual([429, 503, 200]);
  backend.choose(() => "pass");
  expect(await statusOf("POST")).toBe(200);
});

test("a backend that keeps some requests forgets the older ones, and counts them all", async () => {
  backend = await startBackend({ keep: 2 });

  for (const word of ["a", "b", "c"]) await fetch(backend.url, { method: "POST", body: word });
  await backend.received(3);

  expect(backend.requests.map(({ body }) => body.toString())).toEqual(["b", "c"]);
});
