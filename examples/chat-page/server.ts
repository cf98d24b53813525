/**
 * A chat page whose answer survives a reload, a lost connection and a closed laptop lid.
 *
 *     OPENAI_API_KEY=… node examples/chat-page/server.ts
 *
 * Ask something, and reload the page while it answers. The answer belongs to the server, not to the page: it
 * is read from the model into a stream, whether somebody watches or not, and each page that watches is a
 * subscriber of that stream. `OPENAI_BASE_URL`, `MODEL` and `PORT` may be set too.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { createStreamManager, fromOpenAI, isStreamNotFound, sendSse } from "@sluice/sdk";
import OpenAI from "openai";

const openai = new OpenAI();
const model = process.env.MODEL ?? "gpt-5-mini";
const page = readFileSync(new URL("page.html", import.meta.url));

// Room for the longest answer, so that a page can have it again from its first word. If one is longer still,
// its oldest words go, and the page is told: the model never waits for a page.
const streams = createStreamManager({ capacity: 50_000, maxBytes: 16 * 1024 * 1024, policy: "drop-oldest" });

const server = createServer((request, response) => {
  route(request, response).catch((error: unknown) => {
    console.error(error);
    if (!response.headersSent) response.writeHead(500);
    response.end();
  });
});

async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const id = /^\/answers\/([0-9a-f-]{36})$/.exec(pathname)?.[1];
  if (request.method === "GET" && pathname === "/") sendPage(response);
  else if (request.method === "GET" && id !== undefined) watch(id, request, response);
  else if (request.method === "POST" && pathname === "/answers") await ask(request, response);
  else response.writeHead(404).end();
}

function sendPage(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
}

/** Starts an answer, and returns its id at once. */
async function ask(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // A form of somebody else's page cannot send this type, so it cannot spend our tokens.
  if (request.headers["content-type"] !== "application/json") {
    response.writeHead(415).end();
    return;
  }
  const { question } = Object(await json(request));
  const id = randomUUID();
  const answer = openai.chat.completions.create({
    model,
    messages: [{ role: "user", content: String(question) }],
    stream: true,
    stream_options: { include_usage: true },
  });
  // The page learns of a failure through the stream; this is for whoever runs the server.
  fromOpenAI(answer, streams.createStream(id)).catch((error: unknown) => console.error(error));
  response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify({ id }));
}

/** A new page gets the answer from its first word; one that lost its connection, from where it was. */
function watch(id: string, request: IncomingMessage, response: ServerResponse): void {
  try {
    sendSse(streams.getStream(id), response, { lastEventId: request.headers["last-event-id"] });
  } catch (error) {
    if (!isStreamNotFound(error)) throw error;
    response.writeHead(404).end();
  }
}

server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  console.log(`Open http://127.0.0.1:${port}/`);
});
