import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { LUNARY_TEST_KEY, type LunaryServer } from "../../testing/lunary-server.ts";
import { ended, RUN, START, scored, setUp, started } from "./rig.test-support.ts";

test.each([
  ["llm", "llm"],
  ["agent", "agent"],
  ["chain", "chain"],
  ["tool", "tool"],
  ["retriever", "retriever"],
  ["embedding", "embed"],
  ["rerank", "chain"],
])("a run of type %s is a run of type %s there, with input and output", async (type, there) => {
  const { server, send } = await setUp();

  await send(ended(RUN, { type, name: "x", request: { input: { q: 1 } }, response: { output: [2] } }));

  expect(server.runs.get(RUN)).toMatchObject({ type: there, name: "x", input: { q: 1 }, output: [2] });
  expect(server.lost).toEqual([]);
});

test("usage of an agent, which is that of its calls once more, is not counted again", async () => {
  const { server, send } = await setUp();

  await send(ended(RUN, { type: "agent", usage: { input: 10, output: 5, source: "provider" } }));

  expect(server.runs.get(RUN)).not.toHaveProperty("promptTokens");
});

test("an error keeps what was answered and counted before it, which an error alone would lose", async () => {
  const { server, send } = await setUp();
  const failed = { status: "error", error: { message: "boom", stack: "at x" } } as const;

  await send(ended(RUN, failed));

  expect(server.runs.get(RUN)).toMatchObject({
    status: "error",
    error: { message: "boom", stack: "at x" },
    output: { role: "assistant", content: "Hi!" },
    promptTokens: 5,
    completionTokens: 2,
  });
});

test("an error without an answer is a start and an error, and makes the server count nothing", async () => {
  const { server, send } = await setUp();
  const { response: _, usage: __, ...run } = ended(RUN).run ?? { type: "llm" };

  await send({ ...ended(RUN), run: { ...run, status: "error", reason: "timeout" } });

  expect(server.requests[0]?.json).toMatchObject({ events: [{ event: "start" }, { event: "error" }] });
  expect(server.runs.get(RUN)).toMatchObject({ status: "error", error: { message: "timeout" } });
});

test("a boolean output, which Lunary stores as its text, arrives", async () => {
  const { server, send } = await setUp();

  await send(ended(RUN, { type: "tool", response: { output: false } }));

  expect(server.runs.get(RUN)?.output).toBe("false");
});

test("zero tokens, at which Lunary counts by itself, are sent as 0; unknown ones are not sent", async () => {
  const { server, send } = await setUp();

  await send(ended(RUN, { usage: { input: 9, output: 0, source: "provider" } }));
  await send(ended("b", { usage: { input: 9, source: "provider" } }));

  const usages = server.requests.map(({ json }) => (json as { events: object[] }).events[1]);
  expect(usages).toMatchObject([
    { tokensUsage: { prompt: 9, completion: 0 } },
    { tokensUsage: { prompt: 9 } },
  ]);
  expect(server.runs.get(RUN)).toMatchObject({ completionTokens: 0, countedByServer: true });
});

test("snake_case keys, which Lunary makes camelCase everywhere, arrive at every level", async () => {
  const { server, send } = await setUp();
  const input = [{ role: "assistant", tool_calls: [{ "call-id": "c", function: { name: "f" } }] }];

  await send(ended(RUN, { request: { input, params: { max_tokens: 5 } } }, { metadata: { team_name: "b" } }));

  expect(server.runs.get(RUN)).toMatchObject({
    input: [{ role: "assistant", toolCalls: [{ callId: "c", function: { name: "f" } }] }],
    params: { maxTokens: 5 },
    metadata: { teamName: "b" },
  });
});

test("metadata that is known at the end alone arrives, though the start is stored already", async () => {
  const { server, send } = await setUp();

  await send(started(RUN, { type: "agent" }, { metadata: { a: 1 } }));
  await send(ended(RUN, { type: "agent" }, { metadata: { a: 1, verdict: "good" } }));

  expect(server.runs.get(RUN)?.metadata).toEqual({ a: 1, verdict: "good" });
});

test("thoughts stay, and their signatures do not go to Lunary", async () => {
  const { server, send } = await setUp();
  const output = [{ type: "thinking", thinking: "hm", signature: "c2VhbGVk" }];

  await send(ended(RUN, { request: { input: output }, response: { output } }));

  expect(server.runs.get(RUN)).toMatchObject({ output: [{ type: "thinking", thinking: "hm" }] });
  expect(server.requests[0]?.body.includes("c2VhbGVk")).toBe(false);
});

test("appId, which would move the run to another project, is never sent", async () => {
  const { server, send } = await setUp();
  const appId = "11111111-1111-4111-8111-111111111111";
  const origin = { dialect: "run-payload", rest: { appId } };

  await send(ended(RUN, { appId }, { appId, origin }));

  expect(server.requests[0]?.body.includes(appId)).toBe(false);
  expect(server.runs.get(RUN)).not.toHaveProperty("projectId");
});

test("the runtime is the sender's own, else sluice", async () => {
  const { server, send } = await setUp();

  await send(ended(RUN, { runtime: "langchain-py" }), ended("00000000-0000-4000-8000-000000000002"));

  expect([...server.runs.values()].map(({ runtime }) => runtime)).toEqual(["langchain-py", "sluice"]);
});

test("a truncated run says so", async () => {
  const { server, send } = await setUp();

  await send(ended(RUN, { truncated: { requestBytes: 9 }, startTime: START }));

  expect(server.runs.get(RUN)?.metadata).toEqual({ provider: "openai", truncated: true });
});

test("the same conversation makes the same rows, whether Lunary's own SDK (1.0.18) told it or sluice", async () => {
  const [sdk, sluice] = [await setUp(), await setUp()];
  const [agent, tool] = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000c"];
  const user = {
    scope: { kind: "user", id: "ann", props: { plan: "pro" } },
    tags: ["prod"],
    metadata: { feature: "support" },
  } as const;
  const below = { ...user, parentRunId: agent };
  const planner = { type: "agent", name: "planner", request: { input: { goal: "tea" } } } as const;
  const { usage: _, response: __, ...bare } = ended(tool).run ?? { type: "tool" };

  await fetch(sdk.server.endpoint, {
    method: "POST",
    headers: { authorization: `Bearer ${LUNARY_TEST_KEY}` },
    body: readFileSync(new URL("golden/lunary-js-1.0.18.json", import.meta.url)),
  });
  await sluice.send(started(agent, planner, user));
  const call = {
    name: "gpt-4o",
    request: { input: [{ role: "user", content: "Hi" }], params: { temperature: 0.5 } },
    response: { output: { role: "assistant", content: "Hello!" } },
    usage: { input: 8, output: 3, source: "provider" },
  } as const;
  const failed = { status: "error", error: { message: "boom", stack: "at x" } } as const;
  await sluice.send(
    ended(RUN, call, below),
    {
      ...ended(tool, {}, below),
      run: { ...bare, ...failed, type: "tool", name: "search", request: { input: { q: "fox" } } },
    },
    ended(agent, { ...planner, response: { output: "done" } }, user),
    scored(RUN, { thumb: "up" }),
  );

  expect(comparable(sluice.server)).toEqual(comparable(sdk.server));
});

/** What differs on purpose: the times, who sent it, and whose model it was, which the SDK does not say. */
function comparable({ runs }: LunaryServer): object {
  const rows = [...runs.values()].map(({ startedAt: _, endedAt: __, runtime: ___, ...row }) => {
    const { provider: ____, ...metadata } = row.metadata;
    return [row.id, { ...row, metadata }];
  });
  return Object.fromEntries(rows);
}
