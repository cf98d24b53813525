import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { textDeltaEvent } from "../../event/dialects/stream/stream-event.ts";
import { createEventStream, type EventStream } from "../event-stream.ts";
import { sendSse } from "./send-sse.ts";

const open: Server[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server of one stream. `sent` is what `sendSse` returned for the newest request. */
async function serve(stream: EventStream, signal?: AbortSignal) {
  const state: { url: string; sent: Promise<void> | undefined } = { url: "", sent: undefined };
  const server = createServer((request, response) => {
    const lastEventId = request.headers["last-event-id"];
    state.sent = sendSse(stream, response, { lastEventId, ...(signal && { signal }) });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(server);
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return state;
}

/** A response that is read only as far as the test reads it. */
function connect(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { agent: false }, resolve).on("error", reject).end();
  });
}

function idsIn(text: string): number[] {
  return [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test("a Node response has the whole stream, and ends with it", async () => {
  const stream = createEventStream();
  const server = await serve(stream);
  const answered = fetch(server.url);
  await until(() => stream.subscribers === 1);

  for (const text of ["a", "b"]) await stream.send(textDeltaEvent(text));
  stream.close();
  const response = await answered;
  const text = await response.text();
  await server.sent;

  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(idsIn(text)).toEqual([1, 2, 2]);
  expect(text.startsWith("retry: 1000\n\n")).toBe(true);
  expect(text.endsWith('event: StreamEnd\nid: 2\ndata: {"seq":2}\n\n')).toBe(true);
});

test("a reader comes back for the rest, and then for nothing", async () => {
  const stream = createEventStream();
  for (const text of ["a", "b", "c"]) stream.trySend(textDeltaEvent(text));
  stream.close();
  const server = await serve(stream);

  const rest = await fetch(server.url, { headers: { "last-event-id": "1" } });
  const nothing = await fetch(server.url, { headers: { "last-event-id": "3" } });

  expect(idsIn(await rest.text())).toEqual([2, 3, 3]);
  expect(nothing.status).toBe(204);
});

test("a connection that is not read holds up the sender, and nothing is kept in between", async () => {
  const stream = createEventStream({ capacity: 4, maxBytes: 1024 * 1024 });
  const server = await serve(stream);
  const response = await connect(server.url);
  const text = "x".repeat(64 * 1024);
  const sends: Promise<void>[] = [];
  let sent = 0;

  // 64 MB: far more than what the sockets of both sides and one write take.
  for (let n = 0; n < 1_000; n++) sends.push(stream.send(textDeltaEvent(text)).then(() => void sent++));
  let before = -1;
  while (before !== sent) {
    before = sent;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(sent).toBeLessThan(900);

  response.setEncoding("utf8");
  let read = "";
  response.on("data", (chunk: string) => {
    read += chunk;
  });
  await Promise.all(sends);
  stream.close();
  await server.sent;
  await until(() => response.complete);

  expect(idsIn(read)).toEqual([...Array.from({ length: 1_000 }, (_, index) => index + 1), 1_000]);
});

test("a reader that leaves ends the subscription: while it waits, and while it is not read", async () => {
  for (const count of [0, 400]) {
    const stream = createEventStream({ policy: "drop-oldest", maxBytes: 64 * 1024 * 1024, capacity: 1_000 });
    const server = await serve(stream);
    const response = await connect(server.url);
    for (let n = 0; n < count; n++) stream.trySend(textDeltaEvent("x".repeat(64 * 1024)));
    await until(() => stream.subscribers === 1);

    response.destroy();
    await server.sent;

    expect(stream.subscribers).toBe(0);
    expect(stream.isClosed).toBe(false);
  }
});

test("a signal ends the response without an end of the stream, so that the reader comes back", async () => {
  const stream = createEventStream();
  stream.trySend(textDeltaEvent("a"));
  const controller = new AbortController();
  const server = await serve(stream, controller.signal);
  const response = await fetch(server.url);
  await until(() => stream.isAwaited);

  controller.abort();

  const text = await response.text();
  expect(idsIn(text)).toEqual([1]);
  expect(stream.subscribers).toBe(0);
});

test("one reader that is stalled under drop-oldest costs the other nothing, and is told what it lost", async () => {
  const stream = createEventStream({ policy: "drop-oldest", capacity: 50 });
  const server = await serve(stream);
  const stalled = await connect(server.url);
  const reading = fetch(server.url).then((response) => response.text());
  await until(() => stream.subscribers === 2);

  const text = "x".repeat(16 * 1024);
  for (let n = 1; n <= 2_000; n++) {
    await stream.send(textDeltaEvent(text));
    if (n % 20 === 0)
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  stream.close();
  const all = await reading;
  stalled.setEncoding("utf8");
  const late = (await Array.fromAsync(stalled)).join("");

  expect(idsIn(all)).toEqual([...Array.from({ length: 2_000 }, (_, index) => index + 1), 2_000]);
  const gaps = [...late.matchAll(/"type":"Gap","data":\{"dropped":(\d+)/g)].map(([, dropped]) =>
    Number(dropped),
  );
  const received = late.match(/^event: TextDelta$/gm)?.length ?? 0;
  expect(gaps.length).toBeGreaterThan(0);
  expect(received + gaps.reduce((sum, dropped) => sum + dropped, 0)).toBe(2_000);
});
