import { type ActiveRun, type IncomingEvent, observe, withRun } from "@sluice/sdk";
import OpenAI, { AzureOpenAI } from "openai";
import { afterEach, expect, test } from "vitest";
import { type Answer, cutBody } from "../../packages/sluice/src/testing/provider-server.ts";
import { chatAnswer, chatChunks, chatStream, KEY, type ObserveRig, openObserveRig } from "./observe-rig.ts";

const messages = [{ role: "user" as const, content: "Hi" }];
const request = { model: "gpt-4o", messages };

let rig: ObserveRig;
afterEach(() => rig.close());

const json = (body: unknown, headers = {}): Answer => ({
  headers: { "content-type": "application/json", ...headers },
  chunks: [Buffer.from(JSON.stringify(body))],
});

const toolCall = { id: "call_1", type: "function", function: { name: "search", arguments: '{"q":"foxes"}' } };
const toolAnswer = json({
  ...{ id: "chatcmpl-2", object: "chat.completion", model: "gpt-4o-2024-08-06" },
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: null, tool_calls: [toolCall] },
      finish_reason: "tool_calls",
    },
  ],
});

test("the returned client is of the given one's type, and the given one is not touched", async () => {
  rig = await openObserveRig();
  rig.provider.answer(chatAnswer("Hello!"));
  const given = new OpenAI({ apiKey: KEY, baseURL: `${rig.provider.url}/v1` });
  const before = Reflect.ownKeys(given).map((name) => [name, Reflect.get(given, name)]);
  const emitted: IncomingEvent[] = [];
  const emitter = {
    emit: (event: IncomingEvent) => void emitted.push(event),
    flush: async () => {},
    close: async () => {},
  };

  // The annotations are the test: they compile against the real package.
  const observed: OpenAI = observe(given, { emitter });
  const made: OpenAI = observe(() => given, { emitter });
  await given.chat.completions.create(request);

  expect(observed).toBeInstanceOf(OpenAI);
  expect(made).not.toBe(given);
  expect(Reflect.ownKeys(given).map((name) => [name, Reflect.get(given, name)])).toEqual(before);
  expect(Object.keys(observed)).toEqual(Object.keys(given));
  expect(emitted.map((event) => event.kind)).toEqual([
    ...["init.started", "init.succeeded", "init.started", "init.succeeded"],
  ]);
});

test("a key that was set after the client was made is used", async () => {
  rig = await openObserveRig();
  rig.provider.answer(chatAnswer("Hello!"));
  const given = new OpenAI({ apiKey: "sk-old", baseURL: `${rig.provider.url}/v1` });
  given.apiKey = KEY;

  await observe(given, { emitter: {} }).chat.completions.create(request);

  expect(rig.provider.received[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
});

test("withResponse, asResponse, parse and the streaming helper are one run each", async () => {
  rig = await openObserveRig();
  rig.provider.answer({
    ...chatAnswer('{"a":1}'),
    headers: { "content-type": "application/json", "x-request-id": "r" },
  });
  const { openai, provider } = rig;

  const { data, response, request_id } = await openai.chat.completions.create(request).withResponse();
  const raw = await openai.chat.completions.create(request).asResponse();
  const text = await raw.clone().text();
  const parsed = await openai.chat.completions.parse(request);
  provider.answer(chatStream(["Hel", "lo"]));
  const final = await openai.chat.completions.stream(request).finalContent();
  const [one, other] = (await openai.chat.completions.create({ ...request, stream: true })).tee();
  const count = async (stream: AsyncIterable<unknown>) => (await Array.fromAsync(stream)).length;
  const counts = await Promise.all([count(one), count(other)]);

  expect(data.choices[0]?.message.content).toBe('{"a":1}');
  expect([request_id, response.headers.get("x-request-id")]).toEqual(["r", "r"]);
  expect(response.url).toBe(`${provider.url}/v1/chat/completions`);
  expect([response.ok, response.status, response.redirected, response.type]).toEqual([
    true,
    200,
    false,
    "basic",
  ]);
  expect(raw.url).toBe(response.url);
  expect(JSON.parse(text)).toMatchObject({ id: "chatcmpl-1" });
  expect(await raw.json()).toEqual(JSON.parse(text));
  expect(parsed.choices[0]?.message.content).toBe('{"a":1}');
  expect(final).toBe("Hello");
  expect(counts).toEqual([3, 3]);
  expect(rig.of("run.started")).toHaveLength(5);
  expect(rig.of("run.ended").map(({ run }) => run?.status)).toEqual(["ok", "ok", "ok", "ok", "ok"]);
  expect(rig.uncaptured).toEqual([]);
});

test("copies of the client are observed too, also with a fetch of their own", async () => {
  rig = await openObserveRig();
  rig.provider.answer(chatAnswer("Hello!"));
  let fetched = 0;
  const fetch: typeof globalThis.fetch = (...given) => {
    fetched++;
    return globalThis.fetch(...given);
  };

  await rig.openai.withOptions({ maxRetries: 5 }).chat.completions.create(request);
  await rig.openai.withOptions({ fetch }).withOptions({ timeout: 5_000 }).chat.completions.create(request);

  expect(fetched).toBe(1);
  expect(rig.of("run.ended")).toHaveLength(2);
});

test("a client that is observed twice makes one run of a call", async () => {
  rig = await openObserveRig();
  rig.provider.answer(chatAnswer("Hello!"));

  await observe(rig.openai, { emitter: {} }).chat.completions.create(request);

  expect(rig.of("run.started")).toHaveLength(1);
});

test("Azure's client is observed under its own name", async () => {
  rig = await openObserveRig();
  rig.provider.answer(chatAnswer("Hello!"));
  const azure = new AzureOpenAI({
    ...{ apiKey: KEY, endpoint: rig.provider.url, apiVersion: "2024-10-21", deployment: "mine" },
  });
  const emitted: IncomingEvent[] = [];
  const emitter = {
    emit: (event: IncomingEvent) => void emitted.push(event),
    flush: async () => {},
    close: async () => {},
  };

  const observed: AzureOpenAI = observe(azure, { emitter });
  await observed.chat.completions.create(request);

  expect(observed.deploymentName).toBe("mine");
  expect(emitted.at(-1)?.run).toMatchObject({
    provider: "azure.ai.openai",
    status: "ok",
    http: { path: "/openai/deployments/mine/chat/completions" },
  });
});

test("embeddings, completions and responses are runs of their kind", async () => {
  rig = await openObserveRig();
  const { openai, provider } = rig;

  provider.answer(json({ model: "e", data: [{ embedding: [0.5, 0.25] }], usage: { prompt_tokens: 2 } }));
  await openai.embeddings.create({ model: "e", input: "Hi", encoding_format: "float" });
  provider.answer(json({ id: "c", model: "i", choices: [{ index: 0, text: "Ho", finish_reason: "stop" }] }));
  await openai.completions.create({ model: "i", prompt: "Hi" });
  provider.answer(json({ id: "r", model: "g", status: "completed", output: [] }));
  await openai.responses.create({ model: "g", input: "Hi" });

  expect(rig.of("run.ended").map(({ run }) => [run?.type, run?.operation, run?.status])).toEqual([
    ["embedding", "embeddings", "ok"],
    ["llm", "completion", "ok"],
    ["llm", "responses", "ok"],
  ]);
});

test("other calls pass and make no run", async () => {
  rig = await openObserveRig();
  rig.provider.answer(json({ object: "list", data: [{ id: "gpt-4o" }] }));

  const models = await rig.openai.models.list();
  const stored = await rig.openai.chat.completions.list();

  expect(models.data).toEqual([{ id: "gpt-4o" }]);
  expect(stored.data).toHaveLength(1);
  expect(rig.events).toEqual([]);
});

test("a plain object with the six methods hears true values", async () => {
  const heard: [string, object][] = [];
  const hear = (name: string) => (event: object) => void heard.push([name, event]);
  rig = await openObserveRig(
    {},
    {
      emitter: {
        emitToolCallDetected: hear("tool"),
        emitLLMGenerationSuccess: hear("success"),
        emitLLMGenerationError: hear("error"),
      },
    },
  );

  rig.provider.answer(toolAnswer);
  await rig.openai.chat.completions.create({ ...request, temperature: 0.2, max_tokens: 50 });
  rig.provider.answer({ ...json({ error: { message: "no such model" } }), status: 404 });
  await rig.openai.chat.completions.create(request).catch(() => {});

  const known = { provider: "openai", model_id: "gpt-4o", trace_id: expect.any(String) };
  const asked = { ...known, operation: "llm_generation", messages_count: 1, message_content: "Hi" };
  expect(heard).toEqual([
    ["tool", { ...known, tool_call_id: "call_1", tool_name: "search", arguments: '{"q":"foxes"}' }],
    [
      "success",
      {
        ...asked,
        ...{ temperature: 0.2, choices_count: 1 },
        metadata: { model_version: "gpt-4o-2024-08-06", max_tokens: 50 },
      },
    ],
    ["error", { ...asked, error: "no such model" }],
  ]);
});

test("a call stands below the run around it, and labels are on every run", async () => {
  rig = await openObserveRig({}, { tags: ["chat"], metadata: { release: "7" }, session: { id: "s-1" } });
  rig.provider.answer(chatAnswer("Hello!"));
  const emitter = { emit: () => {}, flush: async () => {}, close: async () => {} };
  const scope = { kind: "user", id: "user-7" } as const;

  const agent = await withRun(emitter, { type: "agent", scope }, async (run): Promise<ActiveRun> => {
    await rig.openai.chat.completions.create(request);
    return run;
  });

  const { traceId, id: parentRunId } = agent;
  const labels = { tags: ["chat"], metadata: { release: "7" }, session: { id: "s-1" }, scope };
  for (const event of rig.events) expect(event).toMatchObject({ traceId, parentRunId, ...labels });
});

test("a traceparent is sent only if it is asked for", async () => {
  rig = await openObserveRig({}, { propagatesTrace: true });
  rig.provider.answer(chatAnswer("Hello!"));

  await rig.openai.chat.completions.create(request);
  await rig.openai.chat.completions.create(request, { headers: { traceparent: "mine" } });
  await rig.plain.chat.completions.create(request);

  const [sent, own, plain] = rig.provider.received.map(({ headers }) => headers);
  expect(sent?.traceparent).toMatch(new RegExp(`^00-${rig.events[0]?.traceId}-[0-9a-f]{16}-01$`));
  expect(own?.traceparent).toBe("mine");
  expect(plain).not.toHaveProperty("traceparent");
  const { traceparent: _added, ...others } = sent ?? {};
  expect(others).toEqual(plain);
});

test("a stream cut at every byte is read alike", async () => {
  rig = await openObserveRig();
  const body = Buffer.concat(chatChunks(["Grüße, ", "世界 🦊"]));
  const received = new Set<string>();
  // Each request says itself where its answer is cut, so that many can be on their way.
  rig.provider.answer((received) => {
    const at = Number(JSON.parse(received.body.toString()).user);
    return chatStream([], {
      chunks: at === 0 ? cutBody(body, "byte") : [body.subarray(0, at), body.subarray(at)],
    });
  });
  const ask = async (at: number) =>
    Array.fromAsync(await rig.openai.chat.completions.create({ ...request, stream: true, user: `${at}` }));

  for (let from = 0; from < body.length; from += 32) {
    const cuts = Array.from({ length: Math.min(32, body.length - from) }, (_, index) => from + index);
    for (const chunks of await Promise.all(cuts.map(ask))) received.add(JSON.stringify(chunks));
  }
  rig.provider.answer(chatStream([], { chunks: [body] }));
  const plain = await rig.plain.chat.completions.create({ ...request, stream: true });

  expect([...received]).toEqual([JSON.stringify(await Array.fromAsync(plain))]);
  const ends = rig.of("run.ended");
  expect(ends).toHaveLength(body.length);
  expect(new Set(ends.map(({ run }) => JSON.stringify([run?.status, run?.response?.output])))).toEqual(
    new Set([JSON.stringify(["ok", { role: "assistant", content: "Grüße, 世界 🦊" }])]),
  );
});

test("a response of another kind passes untouched, and its run says so", async () => {
  const text = JSON.stringify({ id: "x", choices: [] });
  const response = { ok: true, status: 200, headers: new Headers({ "content-type": "application/json" }) };
  const odd = { ...response, body: [Buffer.from(text)], url: "http://127.0.0.1/", text: async () => text };
  // What libraries before the platform's own give: a body that is a stream of Node's, or anything.
  rig = await openObserveRig({ fetch: async () => odd as unknown as Response });

  const raw = await rig.openai.chat.completions.create(request).asResponse();

  expect(raw).toBe(odd);
  expect(rig.ended().run).toMatchObject({ status: "incomplete", reason: "unreadable_body" });
  expect(rig.uncaptured).toEqual(["body: the body of the response is object and no ReadableStream"]);
});

test("a client that cannot be observed is used as it is", async () => {
  rig = await openObserveRig();
  const told: string[] = [];
  const client = {
    baseURL: "",
    withOptions: () => {
      throw new Error("no other fetch, please");
    },
  };

  const observed = observe(client, {
    emitter: {},
    onUncaptured: (...reason) => void told.push(reason.join(": ")),
  });

  expect(observed).toBe(client);
  expect(told).toEqual(["client: The client cannot be observed: no other fetch, please"]);
});
