import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Clock, sleep } from "@sluice/sdk/internal";

/**
 * A provider that needs no key: a few fixed answers in the shapes of OpenAI's API, from a server of our own.
 */
export interface DemoProvider {
  /** Ends with /v1, as OpenAI's. */
  readonly baseUrl: string;
  close(): Promise<void>;
}

/** The pause between two pieces of a stream: visible, as with a real model. */
const CHUNK_MS = 40;

const CREATED = 1_767_225_600;
const MODEL = "demo-1";

export async function openDemoProvider(clock: Clock): Promise<DemoProvider> {
  const server = createServer((request, response) => {
    answer(request, response, clock).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, clock: Clock): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  if (request.url?.endsWith("/embeddings")) return sendJson(response, 200, EMBEDDING);
  if (body.model !== MODEL) return sendJson(response, 404, unknownModel(String(body.model)));
  if (body.stream === true) return stream(response, clock);
  sendJson(response, 200, Array.isArray(body.tools) ? TOOL_CALL : GREETING);
}

async function stream(response: ServerResponse, clock: Clock): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const content of ["A ", "spool ", "keeps ", "what ", "a ", "network ", "loses."]) {
    response.write(`data: ${JSON.stringify(chunk({ content }))}\n\n`);
    await sleep(clock, CHUNK_MS, new AbortController().signal);
  }
  response.write(`data: ${JSON.stringify({ ...chunk({}, "stop"), usage: usage(14, 9) })}\n\n`);
  response.end("data: [DONE]\n\n");
}

function chunk(delta: object, finish: string | null = null) {
  return {
    id: "chatcmpl-demo-stream",
    object: "chat.completion.chunk",
    created: CREATED,
    model: MODEL,
    choices: [{ index: 0, delta, finish_reason: finish }],
  };
}

function completion(id: string, message: object, finish: string, tokens: ReturnType<typeof usage>) {
  return {
    id,
    object: "chat.completion",
    created: CREATED,
    model: MODEL,
    choices: [
      { index: 0, message: { role: "assistant", ...message }, finish_reason: finish, logprobs: null },
    ],
    usage: tokens,
  };
}

function usage(prompt: number, completionTokens: number) {
  return {
    prompt_tokens: prompt,
    completion_tokens: completionTokens,
    total_tokens: prompt + completionTokens,
  };
}

const GREETING = completion(
  "chatcmpl-demo-1",
  { content: "Hello from a model that does not exist." },
  "stop",
  usage(11, 9),
);

const TOOL_CALL = completion(
  "chatcmpl-demo-2",
  {
    content: null,
    tool_calls: [
      { id: "call_demo", type: "function", function: { name: "weather", arguments: '{"city":"Lisbon"}' } },
    ],
  },
  "tool_calls",
  usage(42, 7),
);

const EMBEDDING = {
  object: "list",
  data: [{ object: "embedding", index: 0, embedding: [0.1, 0.2, 0.3] }],
  model: MODEL,
  usage: { prompt_tokens: 5, total_tokens: 5 },
};

function unknownModel(model: string) {
  return {
    error: {
      message: `The model ${model} does not exist`,
      type: "invalid_request_error",
      param: null,
      code: "model_not_found",
    },
  };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
