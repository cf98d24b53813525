import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { LUNARY_TEST_KEY } from "../../testing/lunary-server.ts";
import { outgoing } from "../../testing/outgoing.ts";
import { END, ended, forever, openSink, RUN, START, setUp, started } from "./rig.test-support.ts";
import { lunarySink } from "./sink.ts";
import { lunaryId } from "./uuid.ts";

test("a complete run is stored with its start, its end and the provider's own counts", async () => {
  const { server, send } = await setUp();
  const usage = { input: 10, cacheRead: 4, output: 7, reasoning: 5, source: "provider" } as const;
  const event = ended(
    RUN,
    {
      usage,
      request: {
        model: "models/x",
        input: [{ role: "user", content: "Hi" }],
        params: { temperature: 0.5 },
        stream: true,
      },
    },
    {
      scope: { kind: "user", id: "ann", props: { plan: "pro" } },
      tags: ["a"],
      metadata: { team: { name: "blue", sizes: [1, 2] }, flag: true, mixed: [{ a: 1 }] },
      session: { id: "s-1" },
    },
  );

  expect(await send(event)).toMatchObject({ status: "delivered" });

  expect(server.runs.get(RUN)).toEqual({
    id: RUN,
    type: "llm",
    status: "success",
    name: "gpt-4.1-mini",
    startedAt: START,
    endedAt: END,
    input: [{ role: "user", content: "Hi" }],
    output: { role: "assistant", content: "Hi!" },
    params: { temperature: 0.5, stream: true },
    tags: ["a"],
    metadata: {
      ...{ "team.name": "blue", "team.sizes": [1, 2], flag: true, mixed: '[{"a":1}]', sessionId: "s-1" },
      ...{ provider: "openai", model: "models/x", reasoningTokens: 5 },
    },
    userId: "ann",
    userProps: { plan: "pro" },
    promptTokens: 14,
    completionTokens: 12,
    promptCached: 4,
    countedByServer: false,
    runtime: "sluice",
  });
});

test("the start is strictly before the end, which equal timestamps would lose, also when no time passed or the clock went back", async () => {
  const { server, send } = await setUp();
  const other = "00000000-0000-4000-8000-000000000002";

  await send(ended(RUN, {}, { time: START }), ended(other, {}, { time: "2025-12-31T23:00:00.000Z" }));

  expect(server.lost).toEqual([]);
  expect(server.runs.get(RUN)?.endedAt).toBe("2026-01-01T00:00:00.001Z");
  expect(server.runs.get(other)?.endedAt).toBe("2026-01-01T00:00:00.001Z");
});

test("an error keeps its words, a cancelled run says so in its metadata", async () => {
  const { server, send } = await setUp();
  const other = "00000000-0000-4000-8000-000000000002";

  await send(
    ended(RUN, { status: "error", error: { message: "boom", stack: "at x" } }),
    ended(other, { status: "incomplete", reason: "crash" }),
  );

  expect(server.runs.get(RUN)).toMatchObject({ status: "error", error: { message: "boom", stack: "at x" } });
  expect(server.runs.get(other)).toMatchObject({
    status: "success",
    metadata: { status: "incomplete", reason: "crash" },
  });
});

test("the same run a second time, whose start Lunary refuses as a duplicate, is delivered and stored once", async () => {
  const { server, send } = await setUp();
  await send(ended(RUN));

  expect(await send(ended(RUN))).toMatchObject({ status: "delivered" });
  expect(server.runs.size).toBe(1);
});

test("two ends of one run in one batch are told apart by their times", async () => {
  const { server, send } = await setUp();
  const late = ended(
    RUN,
    { revision: 2, response: { output: "late" } },
    { time: "2026-01-01T00:00:09.000Z" },
  );

  expect(await send(ended(RUN), late)).toMatchObject({ status: "delivered" });
  expect(server.runs.get(RUN)).toMatchObject({ output: "late", endedAt: "2026-01-01T00:00:09.000Z" });
});

test("a run id that is no UUID, also one of 36 characters that Postgres would refuse, becomes one, and its children find it", async () => {
  const { server, send } = await setUp();
  const parent = ended("agent 7", { type: "agent" });
  const child = ended("x".repeat(36), {}, { parentRunId: "agent 7" });

  expect(await send(child, parent)).toMatchObject({ status: "delivered" });

  expect(lunaryId("agent 7")).toBe("661b2a01-1504-5947-988d-c2fe2c583591");
  expect(server.runs.get(lunaryId("x".repeat(36)))?.parentRunId).toBe(lunaryId("agent 7"));
});

test("a child that is older than its parent, and stands before it in the batch, keeps its link and its length", async () => {
  const { server, send } = await setUp();
  const agent = "00000000-0000-4000-8000-00000000000a";
  const child = ended(RUN, { startTime: "2025-12-31T23:59:59.000Z" }, { time: START, parentRunId: agent });

  await send(child, ended(agent, { type: "agent" }));

  expect(server.runs.get(RUN)).toMatchObject({ parentRunId: agent, startedAt: START, endedAt: END });
});

test("a start of an agent is sent at once, so that its children link to it while it runs", async () => {
  const { server, send } = await setUp();
  const agent = "00000000-0000-4000-8000-00000000000a";

  expect(await send(started(agent, { type: "agent" }))).toMatchObject({ status: "delivered" });
  expect(await send(ended(RUN, {}, { parentRunId: agent }))).toMatchObject({ status: "delivered" });
  expect(await send(ended(agent, { type: "agent" }))).toMatchObject({ status: "delivered" });

  expect(server.runs.get(RUN)?.parentRunId).toBe(agent);
  expect(server.runs.get(agent)).toMatchObject({ status: "success", endedAt: END });
});

test("children of unknown parents do not stall a request: one link is tried, the others move to the metadata", async () => {
  const clock = new ManualClock();
  const { server, sink } = await setUp({ orphanDelayMs: 5_000, clock });
  const ids = [1, 2, 3].map((number) => `00000000-0000-4000-8000-00000000010${number}`);
  const parents = ids.map((id) => id.replace("-8000-", "-9000-"));
  const batch = ids.map((id, index) => outgoing(ended(id, {}, { parentRunId: parents[index] ?? "" })));

  const sending = sink.send(batch, forever);
  await server.received(1);
  await clock.advance(5_000);

  expect(await sending).toMatchObject({ status: "delivered" });
  expect(ids.map((id) => server.runs.get(id)?.metadata.parentRunId)).toEqual([
    undefined,
    parents[1],
    parents[2],
  ]);
});

test("a link to a parent that an earlier process stored is tried again after a request that failed", async () => {
  const { server, send } = await setUp();
  const agent = "00000000-0000-4000-8000-00000000000a";
  const earlier = await openSink(server.url);
  await earlier.send([outgoing(ended(agent, { type: "agent" }))], forever);
  const child = ended(RUN, {}, { parentRunId: agent });

  server.script({ status: 500 });
  expect(await send(child)).toMatchObject({ status: "retry" });
  expect(await send(child)).toMatchObject({ status: "delivered" });

  expect(server.runs.get(RUN)?.parentRunId).toBe(agent);
});

test("what Lunary has no form for is skipped with the reason", async () => {
  const { server, send } = await setUp();
  const { startTime: _, ...piece } = ended(RUN).run ?? { type: "llm" };

  const delivery = await send(
    { ...ended(RUN), kind: "run.started" },
    { id: "c", kind: "order.placed", time: START },
    { ...ended(RUN), run: piece },
    ended(RUN),
  );

  expect(delivery).toMatchObject({
    status: "mixed",
    each: [
      { status: "skipped", reason: "sent_with_end" },
      { status: "skipped", reason: "unmapped" },
      { status: "skipped", reason: "partial" },
      { status: "delivered" },
    ],
  });
  expect(server.requests.length).toBe(1);
  expect(await send({ id: "c", kind: "order.placed", time: START })).toMatchObject({
    status: "skipped",
    reason: "unmapped",
  });
});

test("one refused run does not cost its neighbours, and its words are kept", async () => {
  const { server, send } = await setUp();
  const other = "00000000-0000-4000-8000-000000000002";
  server.refuseItems((item) => (item.runId === RUN ? `value too long for ${LUNARY_TEST_KEY}` : undefined));

  expect(await send(ended(RUN), ended(other))).toMatchObject({
    status: "mixed",
    each: [
      { status: "rejected", reason: "Lunary refused the start: value too long for [secret]" },
      { status: "delivered" },
    ],
  });
});

test.each([
  "Connection terminated unexpectedly",
  "could not extend file: No space left on device",
  "the database system is starting up",
  "words of a later version",
])("an item refused with %j, words that another try may not meet, is tried again", async (words) => {
  const { server, send } = await setUp();
  server.refuseItems((item) => (item.event === "end" ? words : undefined));

  expect(await send(ended(RUN))).toMatchObject({
    status: "retry",
    reason: `Lunary refused the end: ${words}`,
  });
});

test.each([
  ["a page", "<html>sign in</html>"],
  ["nothing", ""],
  ["another shape", '{"ok":true}'],
  ["no results", '{"results":[]}'],
  ["one result of two", `{"results":[{"id":"${RUN}","success":true}]}`],
  ["a list that breaks off", '{"results":[{"id":"'],
])("an answer with status 200 and %s delivers nothing", async (_name, body) => {
  const { server, send } = await setUp();
  server.script({ body });

  expect((await send(ended(RUN))).status).toBe("retry");
});

test("an unknown answer is shown in part, but never a part of the key", async () => {
  const { server, send } = await setUp();
  server.script({ body: `<html>${"x".repeat(180)}${LUNARY_TEST_KEY}` });

  const delivery = await send(ended(RUN));

  expect(delivery).toMatchObject({
    status: "retry",
    reason: expect.stringContaining("<html>xxx"),
    httpStatus: 200,
  });
  expect(JSON.stringify(delivery)).not.toContain(LUNARY_TEST_KEY.slice(0, 8));
});

test("results in any order (Lunary shuffles them by time) find their runs", async () => {
  const { server, send } = await setUp();
  const other = "00000000-0000-4000-8000-000000000002";
  const result = (id: string, success: boolean) => ({
    id,
    success,
    ...(!success && { error: "invalid value" }),
  });
  server.script({
    body: { results: [result(other, true), result(RUN, true), result(other, false), result(RUN, true)] },
  });

  expect(await send(ended(RUN), ended(other))).toMatchObject({
    each: [{ status: "delivered" }, { status: "rejected", reason: "Lunary refused the end: invalid value" }],
  });
});

test("an endpoint that is no URL is a complaint, not a bug", () => {
  for (const endpoint of [
    "api.lunary.ai",
    "not a url",
    "ftp://api.lunary.ai",
    "https://me:pw@api.lunary.ai",
  ]) {
    expect(lunarySink.options.safeParse({ endpoint, api_key: LUNARY_TEST_KEY }).success).toBe(false);
  }
});

test("a wrong key blocks, and check says it without sending a run", async () => {
  const { server } = await setUp();
  const sink = await openSink(server.endpoint, { api_key: "11111111-1111-4111-8111-111111111111" });

  expect(await sink.send([outgoing(ended(RUN))], forever)).toMatchObject({
    status: "blocked",
    reason: 'HTTP 401: {"message":"Invalid API key"}',
  });
  expect(await sink.check(forever)).toBe('Lunary cannot be used: HTTP 401: {"message":"Invalid API key"}');
  expect(server.runs.size).toBe(0);
});

test("text that its database cannot hold arrives with replacement characters", async () => {
  const { server, send } = await setUp();

  await send(ended(RUN, { request: { input: "half \ud83e, whole 🧵, NUL \0, text \\ud83e" } }));

  expect(server.runs.get(RUN)?.input).toBe("half \ufffd, whole 🧵, NUL \ufffd, text \\ud83e");
});

test("a body over the limit is halved before it is sent, a single large run is sent", async () => {
  const { server, send } = await setUp();
  const large = { request: { input: "ä\\".repeat(1_500_000) } };

  expect((await send(ended(RUN, large), ended("b", large))).status).toBe("tooLarge");
  expect(server.requests.length).toBe(0);
  expect(await send(ended(RUN, large))).toMatchObject({ status: "delivered" });
});

test("log and chat, which a retry stores twice, are never sent, nor anything to Lunary's own OTLP route", async () => {
  const { server, send } = await setUp({}, { threads: true });
  const line = {
    id: "l",
    kind: "run_payload.info",
    time: START,
    runId: RUN,
    data: { type: "log", message: "m" },
  };
  const message = { id: "m", kind: "run_payload.chat", time: START, runId: RUN, data: { type: "thread" } };

  expect(await send(line, message)).toEqual({ status: "skipped", reason: "unmapped" });
  await send({ id: "s", kind: "session.created", time: START, session: { id: "s-1" } }, ended(RUN));

  const sent = server.requests.flatMap(
    ({ json }) => (json as { events: { type: string; event: string }[] }).events,
  );
  expect(sent.map(({ type, event }) => `${type} ${event}`)).toEqual(["thread start", "llm start", "llm end"]);
  expect(new Set(server.requests.map(({ path }) => path))).toEqual(new Set(["/v1/runs/ingest"]));
  expect(server.logs).toEqual([]);
});

test("an end whose start is refused is not taken for stored, though Lunary says success to an orphan end", async () => {
  const { server, send } = await setUp();
  server.refuseItems(({ event }) => (event === "start" ? "value too long" : undefined));

  expect(await send(ended(RUN))).toMatchObject({ status: "rejected" });
  expect(server.lost).toEqual([RUN]);
});

test.each([
  [402, "blocked"],
  [401, "blocked"],
  [500, "retry"],
  [502, "retry"],
  [408, "retry"],
  [413, "tooLarge"],
] as const)("status %i of the whole request is %s", async (status, expected) => {
  const { server, send } = await setUp();
  server.script({ status });

  expect(await send(ended(RUN))).toMatchObject({ status: expected, httpStatus: status });
});

test("too many requests wait as long as Lunary says", async () => {
  const { send } = await setUp({ rate: { requests: 1, windowMs: 60_000 } });
  await send(ended(RUN));

  expect(await send(ended("b"))).toMatchObject({
    status: "retry",
    retryAfterMs: 60_000,
    reason: "HTTP 429: Sometimes You Just Have to Slow Down.",
  });
});
