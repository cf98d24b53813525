import { once } from "node:events";
import { connect } from "node:net";
import { ManualClock, systemClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { SluiceError } from "../errors.ts";
import { sendText } from "../http/send.ts";
import type { Route } from "./routes.ts";
import { type ApiServer, openServer, type ServerOptions } from "./server.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";
const open: ApiServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

interface Case {
  readonly what: string;
  readonly target?: string;
  readonly method?: string;
  readonly headers: readonly string[];
  readonly status: number;
  readonly code?: string;
}

const CASES: readonly Case[] = [
  { what: "a local program is served", headers: ["Host: HERE"], status: 200 },
  { what: "localhost is one of our names", headers: ["Host: localhost:PORT"], status: 200 },
  { what: "so is the IPv6 loopback", headers: ["Host: [::1]:PORT"], status: 200 },
  { what: "case does not matter", headers: ["Host: LocalHost:PORT"], status: 200 },
  { what: "a configured name is ours", headers: ["Host: sluice.internal"], status: 200 },
  { what: "with our port too", headers: ["Host: sluice.internal:PORT"], status: 200 },
  { what: "another host is refused (S04)", headers: ["Host: evil.com"], status: 421, code: "bad_host" },
  {
    what: "a name that contains ours (S04)",
    headers: ["Host: localhost.evil:PORT"],
    status: 421,
    code: "bad_host",
  },
  {
    what: "a name that resolves to us (S04)",
    headers: ["Host: 127.0.0.1.nip.io:PORT"],
    status: 421,
    code: "bad_host",
  },
  { what: "a trailing dot (S04)", headers: ["Host: localhost.:PORT"], status: 421, code: "bad_host" },
  { what: "a wrong port (S04)", headers: ["Host: localhost:1"], status: 421, code: "bad_host" },
  { what: "no port (S04)", headers: ["Host: localhost"], status: 421, code: "bad_host" },
  { what: "two Hosts (S04)", headers: ["Host: HERE", "Host: HERE"], status: 400, code: "bad_host" },
  {
    what: "an absolute target that names another host (S04)",
    target: "http://evil.com/open",
    headers: ["Host: HERE"],
    status: 421,
    code: "bad_host",
  },
  {
    what: "an absolute target that agrees",
    target: "http://HERE/open",
    headers: ["Host: HERE"],
    status: 200,
  },
  {
    what: "a foreign page (S05)",
    headers: ["Host: HERE", "Origin: https://evil.com"],
    status: 403,
    code: "bad_origin",
  },
  {
    what: "a page without an origin (S05)",
    headers: ["Host: HERE", "Origin: null"],
    status: 403,
    code: "bad_origin",
  },
  { what: "a page of our own", headers: ["Host: HERE", "Origin: http://HERE"], status: 200 },
  {
    what: "a page of another port here",
    headers: ["Host: HERE", "Origin: http://localhost:3000"],
    status: 403,
    code: "bad_origin",
  },
  {
    what: "a request that a foreign site caused (S05)",
    headers: ["Host: HERE", "Sec-Fetch-Site: cross-site"],
    status: 403,
    code: "bad_origin",
  },
  {
    what: "one that a sister site caused",
    headers: ["Host: HERE", "Sec-Fetch-Site: same-site"],
    status: 403,
    code: "bad_origin",
  },
  { what: "one that a person typed", headers: ["Host: HERE", "Sec-Fetch-Site: none"], status: 200 },
  {
    what: "a preflight of a foreign page (S05)",
    method: "OPTIONS",
    headers: ["Host: HERE", "Origin: https://evil.com", "Access-Control-Request-Private-Network: true"],
    status: 403,
    code: "bad_origin",
  },
  {
    what: "a wrong Host with the right token (S04: before auth)",
    target: "/admin",
    headers: ["Host: evil.com", `Authorization: Bearer ${TOKEN}`],
    status: 421,
    code: "bad_host",
  },
  {
    what: "no token on an admin route (S01)",
    target: "/admin",
    headers: ["Host: HERE"],
    status: 401,
    code: "unauthorized",
  },
  {
    what: "a wrong token (S01)",
    target: "/admin",
    headers: ["Host: HERE", "Authorization: Bearer nope"],
    status: 401,
    code: "unauthorized",
  },
  {
    what: "a token that only begins like ours",
    target: "/admin",
    headers: ["Host: HERE", `Authorization: Bearer ${TOKEN}x`],
    status: 401,
    code: "unauthorized",
  },
  {
    what: "the token as bearer",
    target: "/admin",
    headers: ["Host: HERE", `Authorization: Bearer ${TOKEN}`],
    status: 200,
  },
  {
    what: "the token in its own header",
    target: "/admin",
    headers: ["Host: HERE", `X-Sluice-Token: ${TOKEN}`],
    status: 200,
  },
  {
    what: "a token in the URL (S02)",
    target: `/admin?token=${TOKEN}`,
    headers: ["Host: HERE", `Authorization: Bearer ${TOKEN}`],
    status: 400,
    code: "token_in_url",
  },
  {
    what: "our token under another name in the URL (S02)",
    target: `/open?q=${TOKEN}`,
    headers: ["Host: HERE"],
    status: 400,
    code: "token_in_url",
  },
  {
    what: "a path that nobody serves",
    target: "/nope",
    headers: ["Host: HERE"],
    status: 404,
    code: "not_found",
  },
  {
    what: "a method that nobody serves",
    method: "DELETE",
    headers: ["Host: HERE"],
    status: 405,
    code: "method_not_allowed",
  },
  { what: "HEAD where GET is", method: "HEAD", headers: ["Host: HERE"], status: 200 },
];

for (const { what, target = "/open", method = "GET", headers, status, code } of CASES) {
  test(`${what}: ${status}${code ? ` ${code}` : ""}`, async () => {
    const server = await start();
    const here = new URL(server.url);
    const filled = (text: string) => text.replace("HERE", here.host).replace("PORT", here.port);

    const answer = await rawRequest(server, `${method} ${filled(target)} HTTP/1.1`, headers.map(filled));

    expect(answer.status).toBe(status);
    expect(answer.head.toLowerCase()).not.toContain("access-control-allow");
    if (code !== undefined) {
      expect(answer.head).toContain("application/problem+json");
      expect(JSON.parse(answer.body)).toMatchObject({ code, status });
    }
    if (status === 401) expect(answer.head.toLowerCase()).toContain("www-authenticate: bearer");
  });
}

test("off loopback every route needs the token, also the proxy's, and it is stripped (S01)", async () => {
  const server = await start({ listen: { host: "0.0.0.0", port: 0 } });
  const { port } = new URL(server.url);
  const request = (headers: string[]) =>
    rawRequest(server, "GET /echo/x HTTP/1.1", [`Host: localhost:${port}`, ...headers]);

  expect((await request([])).status).toBe(401);
  const answer = await request([`X-Sluice-Token: ${TOKEN}`, "Authorization: Bearer sk-provider"]);

  expect(answer.status).toBe(200);
  expect(answer.body).toContain("sk-provider");
  expect(answer.body).not.toContain(TOKEN);
});

test("the proxy's path and query arrive as they were sent", async () => {
  const server = await start();
  const response = await rawRequest(server, "GET /echo/v1/a%2Fb/../c?x=%20&y HTTP/1.1", [
    `Host: ${new URL(server.url).host}`,
  ]);

  expect(response.body).toContain("/v1/a%2Fb/../c?x=%20&y");
});

test("who guesses tokens is slowed down, and let in again after a second (S01)", async () => {
  const clock = new ManualClock();
  const server = await start({ clock });
  const guess = (token: string) =>
    rawRequest(server, "GET /admin HTTP/1.1", [
      `Host: ${new URL(server.url).host}`,
      `Authorization: Bearer ${token}`,
    ]);
  for (let attempt = 0; attempt < 10; attempt++) expect((await guess("wrong")).status).toBe(401);

  expect((await guess("wrong")).status).toBe(429);
  await clock.advance(1_000);
  expect((await guess(TOKEN)).status).toBe(200);
});

test("headers without end are answered 431, garbage 400", async () => {
  const server = await start();

  expect((await rawRequest(server, "GET /open HTTP/1.1", [`X: ${"y".repeat(20_000)}`])).status).toBe(431);
  expect((await rawRequest(server, "garbage", [])).status).toBe(400);
});

test("while draining new work gets 503, what watches is served, idle waits for what runs (P10)", async () => {
  const server = await start();
  const host = `Host: ${new URL(server.url).host}`;
  const slow = rawRequest(server, "GET /slow HTTP/1.1", [host]);
  await slowStarted.promise;

  server.refuse();
  const refused = await rawRequest(server, "GET /open HTTP/1.1", [host]);
  const watched = await rawRequest(server, "GET /livez HTTP/1.1", [host]);
  const idle = server.idle(60_000);
  releaseSlow.resolve();

  expect(refused).toMatchObject({ status: 503, head: expect.stringMatching(/connection: close/i) });
  expect(watched.status).toBe(200);
  expect((await slow).status).toBe(200);
  await idle;
});

test("idle gives up when its time is over", async () => {
  const clock = new ManualClock();
  const server = await start({ clock });
  const hanging = rawRequest(server, "GET /hang HTTP/1.1", [`Host: ${new URL(server.url).host}`]).catch(
    () => undefined,
  );
  await hangStarted.promise;

  const idle = server.idle(5_000);
  await clock.advance(5_000);
  await idle;
  await server.close();
  await hanging;
});

test("a route that throws is a 500 without its reason, and is told", async () => {
  const bugs: unknown[] = [];
  const server = await start({ onBug: (error) => bugs.push(error) });

  const answer = await rawRequest(server, "GET /bug HTTP/1.1", [`Host: ${new URL(server.url).host}`]);

  expect(answer.status).toBe(500);
  expect(answer.body).not.toContain("secret reason");
  expect(String(bugs[0])).toContain("secret reason");
});

test("a port that is taken is said with what to do (exit 75)", async () => {
  const server = await start();
  const port = Number(new URL(server.url).port);

  const error = await start({ listen: { host: "127.0.0.1", port } }).catch((reason) => reason);

  expect(SluiceError.is(error)).toBe(true);
  expect(error).toMatchObject({ code: "LISTEN_FAILED", exit: 75 });
  expect(error.message).toMatch(/the port is in use.*--listen/);
});

let slowStarted = Promise.withResolvers<void>();
let releaseSlow = Promise.withResolvers<void>();
let hangStarted = Promise.withResolvers<void>();

async function start(options: Partial<ServerOptions> = {}): Promise<ApiServer> {
  slowStarted = Promise.withResolvers();
  releaseSlow = Promise.withResolvers();
  hangStarted = Promise.withResolvers();
  const server = await openServer({
    listen: { host: "127.0.0.1", port: 0 },
    hosts: ["sluice.internal"],
    token: TOKEN,
    clock: systemClock,
    routes: () => ROUTES,
    onRefused: () => {},
    onBug: () => {},
    ...options,
  });
  open.push(server);
  return server;
}

const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/open",
    access: "open",
    serve: (_request, response) => sendText(response, 200, "ok"),
  },
  {
    method: "GET",
    path: "/admin",
    access: "token",
    serve: (_request, response) => sendText(response, 200, "ok"),
  },
  {
    path: "/echo/",
    isPrefix: true,
    access: "open",
    serve: (request, response, target) =>
      sendText(
        response,
        200,
        JSON.stringify([target.rest, request.rawHeaders, request.headers, request.headersDistinct]),
      ),
  },
  {
    method: "GET",
    path: "/livez",
    access: "open",
    whileDraining: true,
    serve: (_request, response) => sendText(response, 200, "ok"),
  },
  {
    method: "GET",
    path: "/slow",
    access: "open",
    async serve(_request, response) {
      slowStarted.resolve();
      await releaseSlow.promise;
      sendText(response, 200, "ok");
    },
  },
  { method: "GET", path: "/hang", access: "open", serve: () => hangStarted.resolve() },
  {
    method: "GET",
    path: "/bug",
    access: "open",
    serve() {
      throw new Error("secret reason");
    },
  },
];

/** By hand, because no client would send what these tests send. */
async function rawRequest(server: ApiServer, line: string, headers: readonly string[]) {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write(`${[line, ...headers, "Connection: close"].join("\r\n")}\r\n\r\n`);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {});
  await once(socket, "close");
  const [head = "", body = ""] = Buffer.concat(chunks)
    .toString("utf8")
    .split(/\r\n\r\n(.*)/s);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, body };
}
