import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { HELICONE_TEST_KEY } from "../../testing/helicone-server.ts";
import { outgoing } from "../../testing/outgoing.ts";
import { requestIdOf } from "./meta.ts";
import { END, ended, forever, openSink, RUN, START, scored, setUp } from "./rig.test-support.ts";
import { heliconeSink } from "./sink.ts";

test("a call is one record: provider, model, tokens, times, user, session, properties", async () => {
  const { server, send } = await setUp();
  const event = ended(
    {
      firstTokenTime: "2026-01-01T00:00:00.150Z",
      response: { id: "c-1", model: "gpt-4.1-mini-2025", output: { role: "assistant", content: "Hi!" } },
      cost: { totalUsd: 0.0012, prices: "table" },
    },
    {
      scope: { kind: "user", id: "ann" },
      session: { id: "s-1", connector: "vscode" },
      traceId: "t-1",
      tags: ["a", "b"],
      metadata: { team: { name: "blue", sizes: [1, 2] }, flag: true },
    },
  );

  expect(await send(event)).toEqual({ status: "delivered", httpStatus: 200 });

  expect(server.requests.map(({ path }) => path)).toEqual(["/oai/v1/log"]);
  expect(server.rows).toMatchObject([
    {
      requestId: requestIdOf(RUN),
      provider: "OPENAI",
      url: "https://api.openai.com/v1/chat/completions",
      model: "gpt-4.1-mini-2025",
      status: 200,
      startedAt: START,
      delayMs: 1_250,
      timeToFirstTokenMs: 150,
      promptTokens: 5,
      completionTokens: 2,
      userId: "ann",
      sessionId: "s-1",
      sessionPath: "/gpt-4.1-mini",
      sessionName: "vscode",
      request: { model: "gpt-4.1-mini", messages: [{ role: "user", content: "Hello" }] },
      response: { id: "c-1", choices: [{ index: 0, message: { role: "assistant", content: "Hi!" } }] },
    },
  ]);
  expect(server.rows[0]?.properties).toEqual({
    "run-id": RUN,
    "trace-id": "t-1",
    tags: "a, b",
    flag: "true",
    "team.name": "blue",
    "team.sizes": "[1,2]",
    "cost-usd": "0.0012",
  });
});

test("200 with an error in it is no yes: storage failed, and the record is sent again", async () => {
  const { server, send } = await setUp();
  server.failStorage("Failed to insert");

  expect(await send(ended())).toEqual({
    status: "retry",
    reason: "Helicone answered 200 and stored nothing: Failed to insert",
    httpStatus: 200,
  });
  server.failStorage(undefined);
  expect(await send(ended())).toMatchObject({ status: "delivered" });
  expect(server.rows).toHaveLength(1);
});

test.each([
  ["a page", "<!doctype html>Sign in"],
  ["nothing", ""],
  ["JSON of somebody else", '{"ok":true}'],
])("200 with %s is no yes of the worker", async (_name, body) => {
  const { server, send } = await setUp();
  server.script({ body });

  expect((await send(ended())).status).toBe("retry");
});

test("a server of one's own says yes with an empty body, and is told the provider", async () => {
  const { server } = await setUp();
  const sink = await openSink(server.ownEndpoint);

  const delivery = await sink.send([outgoing(ended({ provider: "anthropic" }))], forever);

  expect(delivery).toMatchObject({ status: "delivered" });
  expect(server.rows[0]?.provider).toBe("ANTHROPIC");
  server.failStorage("down");
  expect(await sink.send([outgoing(ended())], forever)).toMatchObject({ status: "retry" });
});

test("a UUIDv7 run id, which Helicone replaces by a random one, has a stable UUIDv5 there", async () => {
  const { server, send } = await setUp();

  await send(ended());
  await send(ended());

  expect(requestIdOf(RUN)).toBe("cc29f722-2d36-5231-906d-921b743501ca");
  expect(server.rows.map(({ requestId }) => requestId)).toEqual([requestIdOf(RUN)]);
});

test("a process that is killed before the answer, and its successor, send the same bytes", async () => {
  const { server, sink } = await setUp();
  const successor = await openSink(server.url);
  const event = ended({}, { scope: { kind: "user", id: "ann" }, metadata: { b: 1, a: { c: [2] } } });
  server.script("loseAnswer");

  expect(await sink.send([outgoing(event)], forever)).toMatchObject({ status: "retry" });
  expect(await successor.send([outgoing(event)], forever)).toMatchObject({ status: "delivered" });

  expect(server.requests[1]?.body.equals(server.requests[0]?.body ?? Buffer.alloc(0))).toBe(true);
  expect(server.rows).toHaveLength(1);
});

test("an end that comes after all replaces the record of its run: the last write wins", async () => {
  const { server, send } = await setUp();
  await send(ended({ status: "incomplete", reason: "crash", response: {} }));

  await send(ended({ revision: 2 }));

  expect(server.rowsOf(requestIdOf(RUN))).toMatchObject([{ status: 200, completionTokens: 2 }]);
});

test("a failed call has its provider's status and a JSON error; without a status it is a 500", async () => {
  const { server, send } = await setUp();
  const error = { message: "slow down", type: "rate_limit", code: "429" };

  await send(ended({ status: "error", error: { ...error, status: 429 } }));
  await send(ended({ status: "error", error: { message: "reset" }, http: { status: 200 } }, { runId: "b" }));

  expect(server.rows).toMatchObject([
    { status: 429, response: { error } },
    { status: 500, response: { error: { message: "reset" } } },
  ]);
});

test("a cancelled call is a 499 and keeps what was answered and counted until then", async () => {
  const { server, send } = await setUp();

  await send(ended({ status: "cancelled", reason: "client_gone" }));

  expect(server.rows).toMatchObject([
    {
      status: 499,
      completionTokens: 2,
      properties: { status: "cancelled", reason: "client_gone" },
      response: { error: { message: "client_gone", type: "cancelled" }, choices: [{ index: 0 }] },
    },
  ]);
});

test("an answer that broke off says so by a property; a run that never answered is a 500", async () => {
  const { server, send } = await setUp();

  await send(ended({ status: "incomplete", reason: "truncated" }));
  await send(ended({ status: "incomplete", reason: "crash", response: {} }, { runId: "b" }));

  expect(server.rows).toMatchObject([
    { status: 200, properties: { truncated: "true", reason: "truncated" } },
    { status: 500, response: { error: { message: "crash" } } },
  ]);
});

test("the worker refuses an end before its start, so a clock that went back makes a call of no length", async () => {
  const { server, send } = await setUp();

  expect(
    await send(ended({ firstTokenTime: "2025-01-01T00:00:00Z" }, { time: "2025-12-31T23:00:00Z" })),
  ).toEqual({ status: "delivered", httpStatus: 200 });
  expect(server.rows).toMatchObject([{ startedAt: START, delayMs: 0, timeToFirstTokenMs: 0 }]);
});

test("no Helicone header goes over HTTP, because those win over meta and would mix up tenants", async () => {
  const { server, send } = await setUp();

  await send(ended({}, { scope: { kind: "user", id: "ann" }, session: { id: "s-1" } }));

  const names = Object.keys(server.requests[0]?.headers ?? {});
  expect(names.filter((name) => name.startsWith("helicone"))).toEqual([]);
  expect(server.rows[0]).toMatchObject({ userId: "ann", sessionId: "s-1" });
});

test("what is over 10 MB as the server counts, in UTF-16 units, is too large before it is sent", async () => {
  const { server, send } = await setUp();
  const input = (length: number) => ({ request: { input: "ä".repeat(length) } });

  expect(await send(ended(input(10 * 1024 * 1024)))).toMatchObject({ status: "tooLarge" });
  expect(server.requests).toHaveLength(0);
  expect(await send(ended(input(9 * 1024 * 1024)))).toMatchObject({ status: "delivered" });
});

test("400 of the worker is a bad record, but for what is too large and for a path that it does not have", async () => {
  const { server, send } = await setUp();

  server.script({ status: 400, body: { error: "Invalid timing" } });
  expect(await send(ended())).toMatchObject({ status: "rejected" });
  server.script({ status: 400, body: "Payload too large" });
  expect(await send(ended())).toMatchObject({ status: "tooLarge" });
  server.script({ status: 400, body: "invalid path" });
  expect(await send(ended())).toMatchObject({ status: "blocked" });
});

test("a tool, a retriever and an embedding are records of their kinds; starts and the rest are not for it", async () => {
  const { server, send } = await setUp();
  const skipped = { status: "skipped", reason: "unmapped" };

  await send(
    ended({ type: "tool", name: "search", request: { input: { q: "fox" } }, response: { output: 3 } }),
  );
  await send(
    ended(
      { type: "retriever", name: "lookup", request: { input: "fox", params: { topK: 3 } } },
      { runId: "b" },
    ),
  );
  await send(
    ended(
      { type: "embedding", operation: "embeddings", request: { model: "e", input: ["a"] }, response: {} },
      { runId: "c" },
    ),
  );
  expect(await send(ended({ type: "agent" }, { runId: "d" }))).toEqual(skipped);
  expect(await send({ ...ended(), kind: "run.started" })).toEqual(skipped);
  expect(await send({ id: "o", kind: "order.placed", time: END })).toEqual(skipped);

  expect(server.rows).toMatchObject([
    {
      model: "tool:search",
      provider: "CUSTOM",
      request: { _type: "tool", toolName: "search", input: { q: "fox" } },
    },
    { model: "vector_db", request: { _type: "vector_db", operation: "lookup", text: "fox", topK: 3 } },
    { model: "e", url: "https://api.openai.com/v1/embeddings", request: { input: ["a"] }, promptTokens: 5 },
  ]);
});

test("agents and chains are records of type data where they are asked for, and calls stand below them", async () => {
  const { server, send } = await setUp({ spans: true });
  const session = { id: "s-1" };

  await send(ended({ type: "agent", name: "planner" }, { runId: "agent/7", session }));
  await send(ended({}, { parentRunId: "agent/7", session }));

  expect(server.rows.map(({ model, sessionPath }) => [model, sessionPath])).toEqual([
    ["data:planner", "/agent|7"],
    ["gpt-4.1-mini", "/agent|7/gpt-4.1-mini"],
  ]);
});

test("a thumb is feedback, numbers are scores on one scale because only whole ones are kept", async () => {
  const { server, send } = await setUp();
  const id = requestIdOf(RUN);
  await send(ended());

  expect(await send(scored({ thumb: "up", comment: "nice" }))).toMatchObject({ status: "delivered" });
  expect(await send(scored({ name: "helpful", value: 0.8125 }))).toMatchObject({ status: "delivered" });
  expect(await send(scored({ name: "exact", value: 1 }))).toMatchObject({ status: "delivered" });
  expect(await send(scored({ name: "safe", value: true }))).toMatchObject({ status: "delivered" });

  expect(server.feedback.get(id)).toBe(true);
  expect(server.scores.get(id)).toEqual({ helpful: 813, exact: 1_000, safe: true });
  expect(await send(scored({ comment: "only words" }))).toEqual({ status: "skipped", reason: "unmapped" });
});

test("a score of a record that is not found yet is tried again for a minute, then it is rejected", async () => {
  const clock = new ManualClock();
  const { send } = await setUp({}, { clock, appearsAfterMs: 5_000 });
  const orphan = { ...scored({ thumb: "down" }), runId: "another" };
  await send(ended());

  expect(await send(scored({ thumb: "down" }))).toMatchObject({
    status: "mixed",
    each: [{ status: "retry", retryAfterMs: 3_000 }],
  });
  expect(await send(orphan)).toMatchObject({ status: "mixed", each: [{ status: "retry" }] });
  await clock.advance(5_000);
  expect(await send(scored({ thumb: "down" }))).toMatchObject({ status: "delivered" });
  await clock.advance(55_000);
  expect(await send(orphan)).toMatchObject({
    status: "rejected",
    reason: expect.stringContaining("no record of this run (yet)"),
  });
});

test("check tells a wrong key, which the worker looks at last, and somebody else's server", async () => {
  const { server, sink } = await setUp();
  const wrong = await openSink(server.url, { api_key: "sk-helicone-wrong" });

  expect(await sink.check(forever)).toBeUndefined();
  expect(await wrong.check(forever)).toBe(
    'Helicone cannot be used: HTTP 401: {"error":"Invalid authentication"}',
  );
  server.script({ body: "hello" });
  expect(await sink.check(forever)).toBe("This is not Helicone: hello");
  expect(server.rows).toEqual([]);
});

test("scores go to the cloud's own interface, or to the server that records go to", () => {
  const parse = (more: object) => heliconeSink.options.parse({ api_key: HELICONE_TEST_KEY, ...more });

  expect(heliconeSink.destination(parse({}))).toBe("https://api.worker.helicone.ai/");
  expect(parse({}).api_endpoint).toBeUndefined();
  expect(heliconeSink.options.safeParse({ api_key: "a b" }).success).toBe(false);
  expect(heliconeSink.options.safeParse({ api_key: "a", endpoint: "https://me:pw@x.y" }).success).toBe(false);
});
