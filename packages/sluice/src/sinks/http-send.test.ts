import { createServer } from "node:https";
import { type AddressInfo, createServer as createNetServer, type Socket } from "node:net";
import { systemClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { type Step, startBackend } from "../testing/backend.ts";
import { TLS_ALERT } from "../testing/fault.ts";
import { createHttpSend, type HttpSend, type HttpSendOptions } from "./http-send.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function sendTo(url: string, options: Partial<HttpSendOptions> = {}): HttpSend {
  const http = createHttpSend({ url, headers: {}, secrets: [], clock: systemClock, ...options });
  closers.push(() => http.close());
  return http;
}

async function backendAndSend(options: Partial<HttpSendOptions> = {}) {
  const backend = await startBackend();
  closers.push(() => backend.close());
  return { backend, http: sendTo(backend.url, options) };
}

const forever = new AbortController().signal;

test("a request may have a path and headers of its own, and a question has no body", async () => {
  const { backend, http } = await backendAndSend({ headers: { "content-type": "text/plain", "x-own": "1" } });

  await http.post("{}", forever, { path: "/other", headers: { "x-own": "2" } });
  await http.get("/health", forever);

  const [post, get] = backend.requests;
  expect(post).toMatchObject({ method: "POST", path: "/other", headers: { "x-own": "2" } });
  expect(get).toMatchObject({ method: "GET", path: "/health", headers: { "x-own": "1" } });
  expect(get?.headers["content-type"]).toBeUndefined();
});

test("an answer that is no text keeps its bytes and says its type", async () => {
  const { backend, http } = await backendAndSend();
  const body = Uint8Array.of(10, 2, 8, 255);
  backend.script({ headers: { "content-type": "application/x-protobuf" }, body });

  const answer = await http.post("{}", forever);

  expect(answer).toMatchObject({ status: "answered", contentType: "application/x-protobuf" });
  expect("bytes" in answer && [...answer.bytes]).toEqual([...body]);
});

test.each([
  [400, "rejected"],
  [401, "blocked"],
  [402, "blocked"],
  [403, "blocked"],
  [404, "blocked"],
  [407, "blocked"],
  [408, "retry"],
  [410, "blocked"],
  [413, "tooLarge"],
  [422, "rejected"],
  [425, "retry"],
  [429, "retry"],
  [500, "retry"],
  [502, "retry"],
  [301, "blocked"],
  [307, "blocked"],
  [304, "blocked"],
])("status %i means %s", async (status, expected) => {
  const { backend, http } = await backendAndSend();
  backend.script({ status, headers: { location: "http://127.0.0.1:1/x?key=k" } });

  const outcome = await http.post("{}", forever);

  expect(outcome.status).toBe(expected);
  expect(JSON.stringify(outcome)).not.toContain("key=k");
});

test("nobody listening is a retry", async () => {
  const { backend, http } = await backendAndSend();
  await backend.close();

  expect(await http.post("{}", forever)).toMatchObject({
    status: "retry",
    reason: expect.stringMatching(/ECONNREFUSED/),
  });
});

test("a reset on a reused connection is tried once more without a word, twice is a retry", async () => {
  const { backend, http } = await backendAndSend();
  await http.post("1", forever);

  backend.script("reset");
  const once = await http.post("2", forever);
  backend.script("reset", "reset");
  const twice = await http.post("3", forever);

  expect(once.status).toBe("answered");
  expect(twice.status).toBe("retry");
  expect(backend.requests.map((request) => request.body.toString())).toEqual(["1", "2", "2", "3", "3"]);
});

test("an endless answer is read up to the cap, and its connection is let go", async () => {
  const { backend, http } = await backendAndSend({ answerBytesMax: 1_000 });
  backend.script("endless");

  const outcome = await http.post("{}", forever);

  expect(outcome).toMatchObject({ status: "answered", isWhole: false });
  expect(outcome.status === "answered" && outcome.body.length).toBe(1_000);
  await expect.poll(() => backend.connections).toBe(0);
});

test("an endless page of refusal is a refusal", async () => {
  const { backend, http } = await backendAndSend();
  backend.script({ status: 503, body: "x".repeat(200_000) });

  const outcome = await http.post("{}", forever);

  expect(outcome.status).toBe("retry");
  expect(JSON.stringify(outcome).length).toBeLessThan(2_200);
});

test("an answer that drips on for ever ends with the attempt's time", async () => {
  const { backend, http } = await backendAndSend({ timeoutMs: 200 });
  backend.script({ body: "x".repeat(100), drip: { bytes: 1, everyMs: 20 } });

  expect(await http.post("{}", forever)).toEqual({ status: "retry", reason: "no answer within 200 ms" });
});

const LATE = /^no answer within 200 ms$/;
const NO_HTTP = /^Response does not match the HTTP/;

test.each<readonly [Step, RegExp]>([
  ["hang", LATE],
  ["hangAfterHeaders", LATE],
  [{ body: {}, drip: { bytes: 1, everyMs: 20, from: "status" } }, LATE],
  ["continueForever", /^bad response/],
  ["continueFlood", /^bad response/],
  ["processingFlood", LATE],
  ["hugeHeader", /UND_ERR_HEADERS_OVERFLOW/],
  ["garbage", NO_HTTP],
  ["tlsAlert", NO_HTTP],
])("%j is a retry within the attempt's time, and leaves no connection (T54)", async (step, reason) => {
  const { backend, http } = await backendAndSend({ timeoutMs: 200 });
  backend.choose(() => step);
  const startedAtMs = performance.now();

  const outcome = await http.post("{}", forever);

  expect(outcome).toEqual({ status: "retry", reason: expect.stringMatching(reason) });
  expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  await expect.poll(() => backend.connections).toBe(0);
});

test.each([
  ["Not Found", "HTTP 404: Not Found (is the endpoint right?)"],
  ['{"error":"Request not found"}', 'HTTP 404: {"error":"Request not found"}'],
])("a 404 speaks against the URL, unless it says what is not there: %s", async (body, reason) => {
  const { backend, http } = await backendAndSend();
  backend.script({ status: 404, body });

  expect(await http.post("{}", forever)).toEqual({ status: "blocked", httpStatus: 404, reason });
});

test("a header of 10 MB is not held (T54)", async () => {
  const { backend, http } = await backendAndSend();
  backend.choose(() => "hugeHeader");
  const heldBytes = () => process.memoryUsage().heapUsed + process.memoryUsage().external;
  const beforeBytes = heldBytes();
  let mostBytes = 0;
  const watch = setInterval(() => {
    mostBytes = Math.max(mostBytes, heldBytes());
  }, 1);
  closers.push(async () => clearInterval(watch));

  await Promise.all(Array.from({ length: 32 }, () => http.post("{}", forever)));

  expect(mostBytes - beforeBytes).toBeLessThan(32 * 1024 * 1024);
});

test.each([
  [
    "TLS at a port for plain HTTP",
    "https",
    {},
    /^there is no TLS at this port: .*http:.*WRONG_VERSION_NUMBER\)$/,
  ],
  ["plain HTTP at a port that speaks TLS", "http", { greeting: TLS_ALERT }, NO_HTTP],
  ["plain HTTP at a port for mail", "http", { greeting: "220 mail.example ESMTP\r\n" }, NO_HTTP],
])("%s is a retry, and leaves no connection (T54)", async (_, scheme, options, reason) => {
  const backend = await startBackend(options);
  closers.push(() => backend.close());
  const http = sendTo(backend.url.replace("http:", `${scheme}:`), { timeoutMs: 200 });

  const outcome = await http.post("{}", forever);

  expect(outcome).toEqual({ status: "retry", reason: expect.stringMatching(reason) });
  await expect.poll(() => backend.connections).toBe(0);
});

test("a TLS handshake that nobody answers is a retry, and leaves no connection (T54)", async () => {
  const sockets = new Set<Socket>();
  const silent = createNetServer((socket) => {
    sockets.add(socket.resume());
    // However it ends.
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  closers.push(() => new Promise((resolve) => silent.close(resolve)));
  const { port } = silent.address() as AddressInfo;

  const outcome = await sendTo(`https://127.0.0.1:${port}`, { timeoutMs: 200 }).post("{}", forever);

  expect(outcome).toEqual({ status: "retry", reason: expect.stringMatching(LATE) });
  await expect.poll(() => sockets.size, { timeout: 5_000 }).toBe(0);
});

/** Signed by itself, for 127.0.0.1, valid for a hundred years; its key opens nothing. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUGU5xYsY4vYEbQ2kv5e79zCgkseYwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTA2MTQwNVoYDzIxMjYxMDI4
MDYxNDA1WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARLx836QjhX0fC4jH29eHOm0vtaCVHumbghBsgOKxdj/5QaGOMXPDng
UTID7wq4qpeS1kSqBkHWBiUSJ8AkySE4o2QwYjAdBgNVHQ4EFgQUVo4cAzirLlW1
3eNbk1O7142PGdcwHwYDVR0jBBgwFoAUVo4cAzirLlW13eNbk1O7142PGdcwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IFdJPEwsn5vxWib4G363oohNR80FLFPPwwtixGr+g3fyAiEA29Jv2xPB2JZ0ImzM
P30ZTHkAKtmhSg6ariMZkiy8Sdc=
-----END CERTIFICATE-----
`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgO2WRhjkdSWe4kDBm
JVbRiIFMUzFnoPVTWIQq6hdhQAyhRANCAARLx836QjhX0fC4jH29eHOm0vtaCVHu
mbghBsgOKxdj/5QaGOMXPDngUTID7wq4qpeS1kSqBkHWBiUSJ8AkySE4
-----END PRIVATE KEY-----
`;

test("a certificate that nobody vouches for blocks", async () => {
  const server = createServer({ key: KEY, cert: CERTIFICATE }, (_, response) => response.end("{}"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;

  const outcome = await sendTo(`https://127.0.0.1:${port}`).post("{}", forever);

  expect(outcome).toMatchObject({ status: "blocked", reason: expect.stringMatching(/^TLS: .*SELF_SIGNED/) });
});

test("a closed sender answers with a value too", async () => {
  const { http } = await backendAndSend();
  await http.close();

  expect((await http.post("{}", forever)).status).toBe("retry");
});
