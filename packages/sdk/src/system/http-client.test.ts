import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createHttpClient } from "./http-client.ts";

/** A server on loopback and a client for it. */
async function open(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const client = createHttpClient();
  return {
    ...{ url, client },
    async [Symbol.asyncDispose]() {
      client.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("what was sent arrives, over one connection, and the answer comes back", async () => {
  const ports = new Set<number | undefined>();
  await using rig = await open(async (request, response) => {
    ports.add(request.socket.remotePort);
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    response.writeHead(207, { "retry-after": "3" });
    response.end(`${request.method} ${request.headers["x-name"]} ${Buffer.concat(chunks)}`);
  });
  const send = () =>
    rig.client.send(
      { method: "POST", url: rig.url, headers: { "x-name": "a" }, body: Buffer.from("é") },
      AbortSignal.timeout(5_000),
    );

  const answers = [await send(), await send()];

  expect(answers[1]).toMatchObject({ status: 207, headers: { "retry-after": "3" }, body: "POST a é" });
  expect(ports.size).toBe(1);
});

test("an answer that never ends is cut", async () => {
  await using rig = await open((_request, response) => {
    const pour = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on("drain", pour);
    pour();
  });

  const answer = rig.client.send({ method: "GET", url: rig.url, headers: {} }, AbortSignal.timeout(5_000));

  await expect(answer).rejects.toThrow("larger than");
});

test("an aborted request rejects, and nobody there is Node's error", async () => {
  await using rig = await open(() => {});
  const abort = new AbortController();

  const answer = rig.client.send({ method: "GET", url: rig.url, headers: {} }, abort.signal);
  abort.abort();
  const nobody = rig.client.send(
    { method: "GET", url: "http://127.0.0.1:1/", headers: {} },
    AbortSignal.timeout(5_000),
  );

  await expect(answer).rejects.toThrow();
  await expect(nobody).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
