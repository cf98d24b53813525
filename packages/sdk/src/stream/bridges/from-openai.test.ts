import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI from "openai";
import { afterEach, expect, test } from "vitest";
import { isStreamClosed } from "../errors.ts";
import { createEventStream, type EventStream } from "../event-stream.ts";
import { fromOpenAI } from "./from-openai.ts";

const open: Server[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** The real client, and a server that answers as the test says. */
async function openAI(answer: (response: ServerResponse) => void): Promise<OpenAI> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(server);
  const { port } = server.address() as AddressInfo;
  return new OpenAI({ apiKey: "x", baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 });
}

function sse(response: ServerResponse, ...chunks: readonly object[]): void {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
  for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}

function delta(content: string, finish_reason: string | null = null): object {
  const choices = [{ index: 0, delta: { content }, finish_reason }];
  return { id: "c-1", object: "chat.completion.chunk", created: 1, model: "m", choices };
}

function chat(openai: OpenAI) {
  return openai.chat.completions.create({
    model: "m",
    messages: [{ role: "user", content: "Hi" }],
    stream: true,
  });
}

async function typesOf(stream: EventStream): Promise<string[]> {
  const types: string[] = [];
  for await (const event of stream) types.push(event.type);
  return types;
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("a chat completion of the openai package arrives whole, from a request that nobody awaited", async () => {
  const openai = await openAI((response) => {
    sse(response, delta("Hel"), delta("lo", "stop"));
    sse(response, {
      id: "c-1",
      choices: [],
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    });
    response.end("data: [DONE]\n\n");
  });
  const stream = createEventStream();

  await fromOpenAI(chat(openai), stream);

  expect(stream.isClosed).toBe(true);
  expect(await typesOf(stream)).toEqual([
    "MessageStart",
    "ContentStart",
    "TextDelta",
    "TextDelta",
    "ContentEnd",
    "Usage",
    "MessageStop",
  ]);
});

test("a response of the openai package arrives whole", async () => {
  const openai = await openAI((response) => {
    sse(response, { type: "response.created", response: { id: "r-1" } });
    sse(response, { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "Hi" });
    sse(response, { type: "response.completed", response: { id: "r-1", output: [] } });
    response.end();
  });
  const stream = createEventStream();

  await fromOpenAI(openai.responses.create({ model: "m", input: "Hi", stream: true }), stream);

  expect(await typesOf(stream)).toEqual([
    "MessageStart",
    "ContentStart",
    "TextDelta",
    "ContentEnd",
    "MessageStop",
  ]);
});

test("a request that fails is an Error event, and the promise says what the client threw", async () => {
  const openai = await openAI((response) => {
    response.writeHead(429, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: "Slow down." } }));
  });
  const stream = createEventStream();

  const failure = await failureOf(fromOpenAI(chat(openai), stream));

  expect(failure).toBeInstanceOf(OpenAI.RateLimitError);
  const events = await Array.fromAsync(stream);
  expect(events).toMatchObject([{ type: "Error", data: { error: "429 Slow down." } }]);
});

test("an error in the middle of a stream, and a connection that breaks, are an Error event", async () => {
  const breaks: ((response: ServerResponse) => void)[] = [
    (response) => void response.end(`data: ${JSON.stringify({ error: { message: "overloaded" } })}\n\n`),
    (response) => void response.destroy(),
  ];
  for (const end of breaks) {
    const openai = await openAI((response) => {
      sse(response, delta("Hel"));
      setImmediate(() => end(response));
    });
    const stream = createEventStream();

    expect(await failureOf(fromOpenAI(chat(openai), stream))).toBeInstanceOf(Error);

    expect(await typesOf(stream)).toEqual(["MessageStart", "ContentStart", "TextDelta", "Error"]);
  }
});

test("an abort aborts the request at once, although the model is silent, and viewers are told", async () => {
  let gone: Promise<void> | undefined;
  const openai = await openAI((response) => {
    gone = new Promise((resolve) => response.on("close", resolve));
    sse(response, delta("Hel"));
  });
  const stream = createEventStream();
  const controller = new AbortController();

  const sent = fromOpenAI(chat(openai), stream, { signal: controller.signal });
  while (stream.seq < 3) await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error("The user pressed stop."));

  expect(await failureOf(sent)).toEqual(new Error("The user pressed stop."));
  await gone;
  const events = await Array.fromAsync(stream);
  expect(events.at(-1)).toMatchObject({ type: "Error", data: { error: "The user pressed stop." } });
});

test("an abort before the answer begins ends the wait, and the request when it comes", async () => {
  const answers: ServerResponse[] = [];
  const openai = await openAI((response) => void answers.push(response));
  const stream = createEventStream();
  const controller = new AbortController();

  const sent = fromOpenAI(chat(openai), stream, { signal: controller.signal });
  while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error("The user pressed stop."));

  expect(await failureOf(sent)).toEqual(new Error("The user pressed stop."));
  expect(await typesOf(stream)).toEqual(["Error"]);
  const gone = new Promise((resolve) => answers[0]?.on("close", resolve));
  for (const response of answers) sse(response, delta("late"));
  await gone;
});

test("closing the stream aborts the request with the next chunk", async () => {
  let gone: Promise<void> | undefined;
  const openai = await openAI((response) => {
    gone = new Promise((resolve) => response.on("close", resolve));
    const write = () => {
      if (response.destroyed) return;
      sse(response, delta("x"));
      setImmediate(write);
    };
    write();
  });
  const stream = createEventStream({ capacity: 4, policy: "drop-oldest" });

  const sent = fromOpenAI(chat(openai), stream);
  while (stream.seq < 3) await new Promise((resolve) => setImmediate(resolve));
  stream.close();

  expect(isStreamClosed(await failureOf(sent))).toBe(true);
  await gone;
});

test("several answers can go into one stream", async () => {
  const openai = await openAI((response) => {
    sse(response, delta("Hello", "stop"));
    response.end("data: [DONE]\n\n");
  });
  const stream = createEventStream();

  for (let turn = 0; turn < 2; turn++) await fromOpenAI(chat(openai), stream, { preventClose: true });

  expect(stream.isClosed).toBe(false);
  stream.close();
  expect((await typesOf(stream)).filter((type) => type === "MessageStop")).toHaveLength(2);
});
