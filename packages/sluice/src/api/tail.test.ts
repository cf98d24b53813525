import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ManualClock } from "@sluice/sdk/internal";
import { afterEach, expect, test, vi } from "vitest";
import { createHub, type Hub } from "../live/hub.ts";
import { type ApiServer, openServer } from "./server.ts";
import { tailRoute } from "./tail.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";
const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource.close();
});

test("a viewer gets events as they come, each with an id that resumes", async () => {
  const { hub, watch } = await start();
  const viewer = await watch();

  hub.publish([record("a"), record("b")]);
  const text = await viewer.until(/"b"/);

  expect(text).toContain('id: boot-1:1\nevent: event\ndata: {"kind":"x","runId":"a"}\n\n');
  expect(text).toContain('id: boot-1:2\nevent: event\ndata: {"kind":"x","runId":"b"}\n\n');
});

test("Last-Event-ID resumes behind what was seen", async () => {
  const { hub, watch } = await start();
  const first = await watch();
  hub.publish([record("a"), record("b")]);
  await first.until(/"b"/);
  first.close();
  await vi.waitFor(() => expect(hub.subscribers).toBe(0));
  hub.publish([record("c")]);

  const second = await watch(["Last-Event-ID: boot-1:1"]);

  const text = await second.until(/"c"/);
  expect(text).toContain('"b"');
  expect(text).not.toContain('"a"');
});

test("who comes back after a restart is told that nobody knows what was missed", async () => {
  const { hub, watch } = await start();
  const viewer = await watch(["Last-Event-ID: boot-0:512"]);

  hub.publish([record("a")]);
  const text = await viewer.until(/"a"/);

  expect(text).toContain('event: gap\ndata: {"missed":null}\n\n');
});

test("only the kind that was asked for is shown", async () => {
  const { hub, watch } = await start();
  const viewer = await watch([], "/v1/tail?kind=run.*&kind=y");

  hub.publish([record("a", 0, "x"), record("b", 2, "run.ended"), record("c", 0, "y")]);
  const text = await viewer.until(/"c"/);

  expect(text).not.toContain('"a"');
  expect(text).toContain('"b"');
});

test("a silent stream gets a heartbeat, and none is left behind when the viewer goes", async () => {
  const { clock, watch, hub } = await start();
  const viewer = await watch();

  await clock.advance(15_000);
  await viewer.until(/^:$/m);
  viewer.close();

  await vi.waitFor(() => expect(hub.subscribers).toBe(0));
  expect(clock.timers).toBe(0);
});

test("a viewer that reads nothing for 30 s is cut off, and its memory stays bounded", async () => {
  const { clock, watch, hub } = await start();
  const viewer = await watch();
  viewer.socket.pause();
  const body = Buffer.from(JSON.stringify({ kind: "x", text: "y".repeat(50_000) }));
  const closed = once(viewer.socket, "close");

  // The kernel takes some megabytes before it pushes back; then a second timer is armed beside the heartbeat.
  await vi.waitFor(() => {
    for (let round = 0; round < 15; round++) hub.publish([{ kindCode: 0, body }]);
    expect(clock.timers).toBe(2);
  });
  for (let round = 0; round < 100; round++) hub.publish([{ kindCode: 0, body }]);
  expect(hub.missed).toBeGreaterThan(0);
  await clock.advance(30_000);
  viewer.socket.resume();
  await closed;

  await vi.waitFor(() => expect(hub.subscribers).toBe(0));
  expect(clock.timers).toBe(0);
});

test("the 65th viewer is asked to come back", async () => {
  const { watch, hub } = await start();
  await Promise.all(Array.from({ length: 64 }, () => watch()));
  await vi.waitFor(() => expect(hub.subscribers).toBe(64));

  const text = await (await watch()).until(/too_many_viewers/);

  expect(text).toMatch(/^HTTP\/1\.1 503/);
});

test("live events need the token (S07)", async () => {
  const { server } = await start();

  const response = await fetch(`${server.url}/v1/tail`);

  expect(response.status).toBe(401);
  expect(response.headers.get("content-type")).toContain("problem+json");
});

test("viewers that take nothing are cut off before they cost much memory (P5, T33)", async () => {
  const { hub, watch } = await start();
  const viewers = await Promise.all(Array.from({ length: 8 }, () => watch()));
  for (const { socket } of viewers) socket.pause();

  const big = {
    kindCode: 0,
    runId: "r",
    body: Buffer.from(JSON.stringify({ kind: "x", a: "y".repeat(1_000_000) })),
  };
  for (let round = 0; round < 20; round++) {
    hub.publish([big]);
    await new Promise((resolve) => setImmediate(resolve));
  }

  await vi.waitFor(() => expect(hub.subscribers).toBeLessThanOrEqual(4));
});

async function start() {
  const clock = new ManualClock();
  const hub: Hub = createHub(clock);
  const server: ApiServer = await openServer({
    listen: { host: "127.0.0.1", port: 0 },
    hosts: [],
    token: TOKEN,
    clock,
    routes: () => [tailRoute({ hub, clock, bootId: "boot-1" })],
    onRefused: () => {},
    onBug: (error) => console.error(error),
  });
  open.push(server, hub);
  const watch = async (headers: readonly string[] = [], path = "/v1/tail") => {
    const before = hub.subscribers;
    const viewer = new Viewer(server, path, headers);
    open.push(viewer);
    await viewer.until(/\r\n\r\n/);
    if (!viewer.text.startsWith("HTTP/1.1 503"))
      await vi.waitFor(() => expect(hub.subscribers).toBeGreaterThan(before));
    return viewer;
  };
  return { clock, hub, server, watch };
}

class Viewer {
  readonly socket: Socket;
  text = "";

  constructor(server: ApiServer, path: string, headers: readonly string[]) {
    const { port, host } = new URL(server.url);
    this.socket = connect(Number(port), "127.0.0.1");
    this.socket.on("data", (chunk) => {
      this.text += chunk;
    });
    this.socket.on("error", () => {});
    const lines = [`GET ${path} HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${TOKEN}`, ...headers];
    this.socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  }

  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) await once(this.socket, "data");
    return this.text;
  }

  close(): void {
    this.socket.destroy();
  }
}

function record(runId: string, kindCode = 0, kind = "x") {
  return { kindCode, runId, body: Buffer.from(JSON.stringify({ kind, runId })) };
}
