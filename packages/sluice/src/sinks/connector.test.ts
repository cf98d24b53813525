import { type AddressInfo, createServer, type Socket } from "node:net";
import { systemClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { startBackend } from "../testing/backend.ts";
import { createAddressGuard } from "./addresses.ts";
import { createHttpSend } from "./http-send.ts";
import type { Resolve } from "./lookup.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const forever = new AbortController().signal;
const nobody = () => [];

function sendTo(url: string, allow: readonly string[], resolve?: Resolve) {
  const guard = createAddressGuard(allow, nobody);
  const http = createHttpSend({
    url,
    headers: {},
    secrets: [],
    clock: systemClock,
    timeoutMs: 2_000,
    guard,
    ...(resolve && { resolve }),
  });
  closers.push(() => http.close());
  return http;
}

async function aBackend() {
  const backend = await startBackend();
  closers.push(() => backend.close());
  return { backend, port: new URL(backend.url).port };
}

/** A name that is at these places, one after the other, and stays at the last. */
function moving(...places: readonly string[]): Resolve {
  const left = [...places];
  return async () => [{ address: (left.length > 1 ? left.shift() : left[0]) ?? "", family: 4 }];
}

test("a name that moves to this machine between two connections is not followed there (S28)", async () => {
  const { backend, port } = await aBackend();
  const resolve = moving("127.0.0.1", "0.0.0.0");
  const http = sendTo(`http://hooks.example:${port}`, ["127.0.0.1"], resolve);

  // Its answer is the last thing on this connection, so the next request needs a new one.
  backend.script({ headers: { connection: "close" } });
  expect(await http.post("1", forever)).toMatchObject({ status: "answered" });

  expect(await http.post("2", forever)).toEqual({
    status: "blocked",
    reason:
      '0.0.0.0, the address of hooks.example, is unspecified, so this machine, and is not connected to; if that is meant, allow = ["0.0.0.0/32"] permits it',
  });
  expect(backend.requests).toHaveLength(1);
});

test("a name with a good address and a bad one is reached at the good one (S28)", async () => {
  const { backend, port } = await aBackend();
  const resolve = async () => [
    { address: "10.0.0.1", family: 4 },
    { address: "127.0.0.1", family: 4 },
  ];

  expect(
    await sendTo(`http://hooks.example:${port}`, ["127.0.0.1"], resolve).post("1", forever),
  ).toMatchObject({
    status: "answered",
  });
  expect(backend.requests).toHaveLength(1);
});

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["2130706433", "127.0.0.1"],
  ["0177.0.0.1", "127.0.0.1"],
  ["0x7f.1", "127.0.0.1"],
  ["127.1", "127.0.0.1"],
  ["①②⑦.0.0.1", "127.0.0.1"],
  ["127.0.0.1.", "127.0.0.1"],
  ["0", "0.0.0.0"],
  ["[::1]", "::1"],
  ["[::]", "::"],
  ["[::ffff:127.0.0.1]", "::ffff:7f00:1"],
  ["[64:ff9b::127.0.0.1]", "64:ff9b::7f00:1"],
  ["169.254.169.254", "169.254.169.254"],
])(
  "http://%s has an address for a host, and is refused without a connection (S28)",
  async (host, address) => {
    const { backend, port } = await aBackend();
    const http = sendTo(`http://${host}:${port}`, []);

    for (const outcome of [await http.post("1", forever), await http.reach(forever)]) {
      expect(outcome).toMatchObject({ status: "blocked" });
      expect(outcome).toMatchObject({ reason: expect.stringMatching(`^${RegExp.escape(address)} `) });
      expect(outcome).toMatchObject({ reason: expect.stringContaining(`allow = ["${address}/`) });
    }
    expect(backend.requests).toHaveLength(0);
  },
);

test("localhost is looked up and refused, and an allowed address is reached", async () => {
  const { backend, port } = await aBackend();

  expect(await sendTo(`http://localhost:${port}`, []).post("1", forever)).toMatchObject({
    status: "blocked",
  });
  expect(await sendTo(`http://localhost:${port}`, ["127.0.0.0/8"]).post("1", forever)).toMatchObject({
    status: "answered",
  });
  expect(backend.requests).toHaveLength(1);
});

test("reaching a backend connects, sends nothing and hangs up", async () => {
  const { backend, port } = await aBackend();
  const http = sendTo(`http://127.0.0.1:${port}`, ["127.0.0.1"]);

  expect(await http.reach(forever)).toBeUndefined();
  await expect.poll(() => backend.connections).toBe(0);
  expect(backend.requests).toHaveLength(0);

  await backend.close();
  expect(await http.reach(forever)).toMatchObject({
    status: "retry",
    reason: expect.stringContaining("ECONN"),
  });
  expect(await http.reach(AbortSignal.abort())).toMatchObject({ status: "retry" });
});

test.each(["the signal", "close()"])("%s ends a connection that is still being made", async (what) => {
  const sockets = new Set<Socket>();
  // It lets everybody in, and says nothing in a handshake.
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  const http = sendTo(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, ["127.0.0.1"]);
  const controller = new AbortController();

  const reaching = http.reach(controller.signal);
  await expect.poll(() => sockets.size).toBe(1);
  if (what === "close()") await http.close();
  else controller.abort();

  expect(await reaching).toEqual({ status: "retry", reason: "stopped while it was tried" });
  await expect.poll(() => sockets.size).toBe(0);
});
