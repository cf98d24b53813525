import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { systemClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { startBackend } from "../testing/backend.ts";
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

test("headers without an end are a retry", async () => {
  const { backend, http } = await backendAndSend();
  backend.script({ headers: { "x-long": "y".repeat(40_000) } });

  expect((await http.post("{}", forever)).status).toBe("retry");
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
