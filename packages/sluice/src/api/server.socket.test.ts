import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sendText } from "../http/send.ts";
import { openServer } from "./server.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-socket-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a socket serves the same routes to this user alone, and is gone with the server", async () => {
  const socketPath = join(directory, "s.sock");
  const server = await start(socketPath);

  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  expect(await ask(socketPath, "/open", "localhost")).toBe(200);
  expect(await ask(socketPath, "/secret", "localhost")).toBe(401);
  expect(await ask(socketPath, "/open", "evil.com")).toBe(421);
  expect((await fetch(`${server.url}/open`)).status).toBe(200);
  server.refuse();
  expect(await ask(socketPath, "/open", "localhost")).toBe(503);
  await server.close();
  expect(existsSync(socketPath)).toBe(false);
});

test("a socket that cannot be made is an error that says why, and leaves the port free", async () => {
  const listen = { host: "127.0.0.1", port: await freePort() };

  await expect(start(join(directory, "x".repeat(108)), listen)).rejects.toThrow("longer than 107 bytes");
  await expect(start(join(directory, "none", "s.sock"), listen)).rejects.toMatchObject({
    code: "SOCKET_FAILED",
  });
  await (await start(join(directory, "s.sock"), listen)).close();
});

function start(socketPath: string, listen = { host: "127.0.0.1", port: 0 }) {
  const token = "0123456789abcdef0123456789abcdef";
  return openServer({
    ...{ listen, socketPath, token, hosts: [], clock: systemClock },
    routes: () => [
      { path: "/open", access: "open", serve: (_request, response) => sendText(response, 200, "ok") },
      { path: "/secret", access: "token", serve: (_request, response) => sendText(response, 200, "ok") },
    ],
    onRefused: () => {},
    onBug: (error) => {
      throw error;
    },
  });
}

async function freePort(): Promise<number> {
  const server = await start(join(directory, "first.sock"));
  await server.close();
  return Number(new URL(server.url).port);
}

function ask(socketPath: string, path: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, headers: { host }, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    });
    asked.on("error", reject);
    asked.end();
  });
}
