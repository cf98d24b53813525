import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { systemClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { type Connections, createConnections } from "./dial.ts";
import { Unusable } from "./failure.ts";
import type { TlsMode } from "./options.ts";

/** A certificate for localhost that nobody has signed, made for these tests. */
const read = (name: string) => readFileSync(join(import.meta.dirname, "golden", name));
const identity = { cert: read("localhost.crt"), key: read("localhost.key") };

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Answers an SSLRequest with these words, and speaks TLS after an S; then it says everything back. */
async function listen(words: string | undefined): Promise<number> {
  const accepted = new Set<Socket>();
  const server: Server = createServer((socket) => {
    accepted.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => {
      if (words === undefined) return;
      socket.write(words);
      const spoken = words === "S" ? new TLSSocket(socket, { isServer: true, ...identity }) : socket;
      spoken.on("error", () => undefined);
      spoken.on("data", (bytes) => spoken.write(bytes));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function connections(tls: TlsMode, timeoutMs = 5_000): Connections {
  const made = createConnections({ tls, timeoutMs, clock: systemClock });
  closers.push(() => made.destroy());
  return made;
}

const at = (...ports: readonly number[]) =>
  ({ host: ports.map(() => "localhost"), port: ports, path: false }) as const;

function echo(socket: Socket, words: string): Promise<string> {
  const heard = new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(String(bytes))));
  socket.write(words);
  return heard;
}

test.each([
  ["S", true],
  ["N", false],
] as const)("prefer takes what the server has: after %s encrypted is %s", async (words, isEncrypted) => {
  const socket = await connections("prefer").dial(at(await listen(words)));

  expect(socket instanceof TLSSocket).toBe(isEncrypted);
  expect(await echo(socket, "hello")).toBe("hello");
});

test("require speaks to no server in the clear", async () => {
  await expect(connections("require").dial(at(await listen("N")))).rejects.toThrow(Unusable);
});

test("verify-full refuses a certificate that nobody has signed, and require does not look at it", async () => {
  const port = await listen("S");

  await expect(connections("verify-full").dial(at(port))).rejects.toMatchObject({
    code: "DEPTH_ZERO_SELF_SIGNED_CERT",
  });
  expect(await connections("require").dial(at(port))).toBeInstanceOf(TLSSocket);
});

test("words that come with the answer, as an attacker in the middle would slip in, end the connection", async () => {
  await expect(connections("require").dial(at(await listen("SE...")))).rejects.toThrow("does not speak");
});

test("a server that says nothing is given up in time, and the next host is tried", async () => {
  const made = connections("prefer", 200);
  const silent = await listen(undefined);

  await expect(made.dial(at(silent))).rejects.toThrow("no connection to localhost in 200 ms");
  expect(await made.dial(at(silent, await listen("S")))).toBeInstanceOf(TLSSocket);
});

test("destroyed, a connection that is open and one that is being made end, without an error for the process", async () => {
  const made = connections("prefer");
  const socket = await made.dial(at(await listen("S")));
  expect(made.areOpen).toBe(true);
  const dialling = made.dial(at(await listen(undefined)));
  expect(made.areOpen).toBe(false);

  // As the library does it when it is done with a socket; what fails then has nobody else who listens.
  socket.removeAllListeners();
  socket.destroy(new Error("late"));
  made.destroy();

  await expect(dialling).rejects.toThrow("the connection was closed");
  await expect(made.dial(at(1))).rejects.toThrow("not needed any more");
});
