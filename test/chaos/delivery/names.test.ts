import type { LookupAddress } from "node:dns";
import { connect, createServer, type Socket } from "node:net";
import { type Clock, ManualClock, systemClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { createHttpSend, type HttpSend } from "../../../packages/sluice/src/sinks/http-send.ts";
import type { Resolve } from "../../../packages/sluice/src/sinks/lookup.ts";
import { type Backend, startBackend } from "../../../packages/sluice/src/testing/backend.ts";
import { figure } from "../figures.ts";
import { passed } from "../moments.ts";
import { scaled } from "../scale.ts";

const NAME = "backend.test";
const OLD: LookupAddress = { address: "127.0.0.1", family: 4 };
const NEW: LookupAddress = { address: "127.0.0.2", family: 4 };
/** In life five minutes. */
const CONNECTION_AGE_MS_MAX = scaled({ test: 200, chaos: 5_000, soak: 60_000 });
const AT_ONCE = 4;
const PACE_MS = 5;

const forever = new AbortController().signal;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

test("a backend whose name moves is followed, while its old place still answers (P12, T59)", async () => {
  const [before, after] = await twoPlaces();
  let address = OLD;
  const http = sendTo(before, async () => [address]);
  const outcomes: string[] = [];
  const sendUntil = async (isOver: () => boolean) => {
    while (!isOver()) {
      const all = await Promise.all(Array.from({ length: AT_ONCE }, () => http.post("{}", forever)));
      outcomes.push(...all.map(({ status }) => status));
      await passed(PACE_MS);
    }
  };

  await sendUntil(() => before.requests.length >= 10 * AT_ONCE);
  address = NEW;
  const movedMs = performance.now();
  const goneMs = () => performance.now() - movedMs;
  await sendUntil(() => goneMs() > CONNECTION_AGE_MS_MAX + 100);
  const atOld = before.requests.length;
  await sendUntil(() => after.requests.length > 10 * AT_ONCE);

  expect(before.requests.length, "requests to the old place afterwards").toBe(atOld);
  expect(new Set(outcomes)).toEqual(new Set(["answered"]));
  figure("P12", "a name that moved while both places answered: requests that failed", 0, "0");
});

test("a name that is gone for a while costs no connection that is there (P12, T59)", async () => {
  const [backend] = await twoPlaces();
  let isKnown = true;
  const http = sendTo(backend, async () => {
    if (isKnown) return [OLD];
    throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${NAME}`), { code: "ENOTFOUND" });
  });
  await http.post("{}", forever);
  // A connection is free again a moment after its answer; until then another one is made.
  await passed(PACE_MS);

  isKnown = false;
  const meanwhile = await http.post("{}", forever);
  await passed(PACE_MS);
  const anotherConnection = await Promise.all([http.post("{}", forever), http.post("{}", forever)]);
  isKnown = true;
  const afterwards = await Promise.all([http.post("{}", forever), http.post("{}", forever)]);

  expect(meanwhile.status).toBe("answered");
  expect(anotherConnection.map(({ status }) => status).toSorted()).toEqual(["answered", "retry"]);
  expect(anotherConnection.find(({ status }) => status === "retry")).toMatchObject({
    reason: expect.stringContaining("ENOTFOUND"),
  });
  expect(afterwards.map(({ status }) => status)).toEqual(["answered", "answered"]);
});

test("a resolver that hangs ends the attempt after 5 seconds (P12, T59)", async () => {
  const [backend] = await twoPlaces();
  const clock = new ManualClock();
  const asked = Promise.withResolvers<void>();
  const http = sendTo(
    backend,
    () => {
      asked.resolve();
      return new Promise(() => undefined);
    },
    clock,
  );

  const outcome = http.post("{}", forever);
  await asked.promise;
  await clock.advance(5_000);

  expect(await outcome).toMatchObject({ status: "retry", reason: expect.stringContaining("within 5 s") });
});

/** One backend at 127.0.0.1, the other at the same port of 127.0.0.2. */
async function twoPlaces(): Promise<readonly [Backend, Backend]> {
  const [before, after] = [await startBackend(), await startBackend()];
  const sockets = new Set<Socket>();
  const door = createServer((socket) => {
    const onward = connect(Number(new URL(after.url).port), "127.0.0.1");
    for (const each of [socket, onward]) {
      sockets.add(each);
      each.on("error", () => undefined);
    }
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => door.listen(portOf(before), NEW.address, resolve));

  closers.push(async () => {
    const closed = new Promise((resolve) => door.close(resolve));
    for (const socket of sockets) socket.destroy();
    await Promise.all([before.close(), after.close(), closed]);
  });
  return [before, after];
}

function sendTo(backend: Backend, resolve: Resolve, clock: Clock = systemClock): HttpSend {
  const http = createHttpSend({
    url: `http://${NAME}:${portOf(backend)}`,
    headers: {},
    secrets: [],
    clock,
    resolve,
    connectionAgeMsMax: CONNECTION_AGE_MS_MAX,
  });
  closers.push(() => http.close());
  return http;
}

function portOf({ url }: Backend): number {
  return Number(new URL(url).port);
}
