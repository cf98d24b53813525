import { randomBytes } from "node:crypto";
import * as http from "node:http";
import * as zlib from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { openRig, type ProxyRig, post, sha256, until } from "./proxy-rig.ts";

let rig: ProxyRig;
afterEach(() => rig.close());

const CHAT = JSON.stringify({
  model: "gpt-4o",
  messages: [{ role: "user", content: "Hi" }],
  temperature: 0.1,
});
const ANSWER = {
  id: "c-1",
  model: "gpt-4o-1",
  choices: [{ index: 0, message: { role: "assistant", content: "Grüß Gott 🚤" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 },
};
const JSON_TYPE = { "content-type": "application/json" };

function answerWith(body: Buffer | string, headers: Record<string, string> = {}): void {
  rig.provider.answer({ headers: { ...JSON_TYPE, ...headers }, chunks: [Buffer.from(body)] });
}

test("what a client says in headers becomes the event's own fields, and stays here", async () => {
  rig = await openRig();
  answerWith(JSON.stringify(ANSWER));

  await post(`${rig.baseUrl}/chat/completions?api-version=1`, CHAT, {
    "x-sluice-user": "anna",
    "x-sluice-session": "s%C3%BC%C3%9F",
    "x-sluice-tags": "beta, beta, nightly",
    "x-sluice-run": "run-7",
    "x-sluice-parent": "run-6",
    "x-sluice-metadata": '{"team":"water"}',
    "x-sluice-token": "secret-token",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "x-stainless-retry-count": "0",
  }).answer;

  const received = rig.provider.received[0];
  expect(Object.keys(received?.headers ?? {}).filter((name) => name.startsWith("x-sluice"))).toEqual([]);
  expect(received?.headers.traceparent).toContain("0af7651916cd43dd8448eb211c80319c");
  expect(received?.path).toBe("/v1/chat/completions?api-version=1");
  const events = await rig.events();
  for (const event of events) {
    expect(event).toMatchObject({
      scope: { kind: "user", id: "anna" },
      session: { id: "süß" },
      tags: ["beta", "nightly"],
      runId: "run-7",
      parentRunId: "run-6",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      metadata: { team: "water" },
      run: { attempt: 1, http: { method: "POST", path: "/v1/chat/completions" } },
    });
  }
  expect(rig.records.map((record) => record.orderKey)).toEqual(
    Array(2).fill("0af7651916cd43dd8448eb211c80319c"),
  );
});

test("a retry of the SDK is a run of its own", async () => {
  rig = await openRig();
  answerWith(JSON.stringify(ANSWER));

  for (const count of [0, 1, 2]) {
    const headers = { "x-sluice-run": "run-7", "x-stainless-retry-count": count };
    await post(`${rig.baseUrl}/chat/completions`, CHAT, headers).answer;
  }

  const ended = (await rig.events()).filter((event) => event.kind === "run.ended");
  expect(new Set(ended.map((event) => event.id)).size).toBe(3);
  expect(ended.map((event) => event.run?.attempt)).toEqual([1, 2, 3]);
});

test("malformed labels are left out and the call is captured all the same", async () => {
  rig = await openRig();
  answerWith(JSON.stringify(ANSWER));

  await post(`${rig.baseUrl}/chat/completions`, CHAT, {
    "x-sluice-user": "x".repeat(300),
    "x-sluice-metadata": "[1]",
    "x-sluice-run": "%zz%00",
    traceparent: "nonsense",
  }).answer;

  const ended = await rig.ended();
  expect(ended).not.toHaveProperty("scope");
  expect(ended).not.toHaveProperty("metadata");
  expect(ended).not.toHaveProperty("traceId");
});

describe("an answer that is encoded passes as it came and is captured decoded", () => {
  const encoders = {
    gzip: zlib.gzipSync,
    br: zlib.brotliCompressSync,
    deflate: zlib.deflateSync,
    zstd: zlib.zstdCompressSync,
  };
  test.each(Object.entries(encoders))("%s", async (encoding, encode) => {
    rig = await openRig();
    const body = encode(Buffer.from(JSON.stringify(ANSWER)));
    answerWith(body, { "content-encoding": encoding });

    const answer = await post(`${rig.baseUrl}/chat/completions`, CHAT, { "accept-encoding": encoding })
      .answer;

    expect(sha256(answer.body)).toBe(sha256(body));
    expect(answer.headers["content-encoding"]).toBe(encoding);
    expect(rig.provider.received[0]?.headers["accept-encoding"]).toBe(encoding);
    const { run } = await rig.ended();
    expect(run).toMatchObject({ status: "ok", usage: { input: 10, output: 4 } });
    expect(run?.response?.output).toEqual(ANSWER.choices[0]?.message);
  });

  test("a damaged encoding reaches the client untouched, and the run says that it could not be read", async () => {
    rig = await openRig();
    const body = Buffer.from("this is no gzip");
    answerWith(body, { "content-encoding": "gzip" });

    const answer = await post(`${rig.baseUrl}/chat/completions`, CHAT).answer;

    expect(answer.body).toEqual(body);
    expect((await rig.ended()).run).toMatchObject({ status: "incomplete", reason: "undecodable" });
  });
});

test("keys are stored nowhere, not even when the provider repeats them", async () => {
  rig = await openRig();
  const key = "sk-canary-4f0c9a7d2b";
  const message = `Incorrect API key provided: ${key}.`;
  rig.provider.answer({
    status: 401,
    headers: { ...JSON_TYPE, "set-cookie": "canary=1" },
    chunks: [
      Buffer.from(
        JSON.stringify({ error: { message, type: "invalid_request_error", code: "invalid_api_key" } }),
      ),
    ],
  });

  const answer = await post(`${rig.baseUrl}/chat/completions?key=canary`, CHAT, {
    authorization: `Bearer ${key}`,
    "api-key": "canary-api-key-99",
    cookie: "session=canary-cookie",
    "openai-organization": "org-canary",
  }).answer;

  expect(answer.body.toString()).toContain(key);
  expect(rig.provider.received[0]?.headers.authorization).toBe(`Bearer ${key}`);
  expect((await rig.ended()).run).toMatchObject({
    status: "error",
    error: { message: "Incorrect API key provided: [key].", code: "invalid_api_key", status: 401 },
  });
  for (const record of rig.records) expect(Buffer.from(record.body).toString()).not.toContain("canary");
});

test("other paths pass through unparsed and leave no event", async () => {
  rig = await openRig();
  const body = randomBytes(70_000);
  rig.provider.answer({ status: 201, headers: { "x-two": "2" }, chunks: [body] });

  const answer = await post(`${rig.baseUrl}/files?purpose=x`, body, {
    "content-type": "application/octet-stream",
  }).answer;

  expect(answer.status).toBe(201);
  expect(sha256(answer.body)).toBe(sha256(body));
  expect(sha256(rig.provider.received[0]?.body ?? Buffer.alloc(0))).toBe(sha256(body));
  expect(await rig.events()).toEqual([]);
});

test("status, headers in their order and case, duplicates and trailers pass; what belongs to one connection does not", async () => {
  rig = await openRig();
  const upstream = http.createServer((request, response) => {
    request.resume();
    response.sendDate = false;
    const raw = [
      "X-B",
      "1",
      "Set-Cookie",
      "a=1",
      "x-a",
      "2",
      "Set-Cookie",
      "b=2",
      "Keep-Alive",
      "timeout=9",
      "Trailer",
      "X-End",
    ];
    response.writeHead(218, "This Is Fine", raw);
    response.write("part");
    response.addTrailers({ "X-End": "yes" });
    response.end();
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  await rig.close();
  const address = upstream.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  rig = await openRig({ upstream: { baseUrl: `http://127.0.0.1:${port}/v1` } });

  const answer = await post(`${rig.baseUrl}/models`, "", { connection: "x-hop", "x-hop": "1" }).answer;

  expect(answer.status).toBe(218);
  const raw = answer.rawHeaders.slice(0, answer.rawHeaders.indexOf("Trailer"));
  expect(raw).toEqual(["X-B", "1", "Set-Cookie", "a=1", "x-a", "2", "Set-Cookie", "b=2"]);
  expect(answer.trailers).toEqual({ "x-end": "yes" });
  await new Promise((resolve) => {
    upstream.close(resolve);
    upstream.closeAllConnections();
  });
});

test("a request and an answer beyond 4 MiB pass whole; kept is the beginning, and the usage from the end", async () => {
  rig = await openRig();
  const long = "x".repeat(5 * 1024 * 1024);
  const body = JSON.stringify({
    ...ANSWER,
    choices: [{ message: { content: long }, finish_reason: "stop" }],
    usage: ANSWER.usage,
  });
  answerWith(body);
  const request = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: long }] });

  const answer = await post(`${rig.baseUrl}/chat/completions`, request).answer;

  expect(sha256(answer.body)).toBe(sha256(Buffer.from(body)));
  const { run } = await rig.ended();
  expect(run).toMatchObject({
    status: "ok",
    truncated: { requestBytes: request.length, responseBytes: body.length },
    request: { model: "gpt-4o" },
    response: { id: "c-1", model: "gpt-4o-1" },
    usage: { input: 10, output: 4, source: "provider" },
  });
  expect(String(run?.request?.input)).toMatch(/^\[\{"role":"user","content":"xxx/);
  for (const record of rig.records) expect(record.body.length).toBeLessThan(9 * 1024 * 1024);
});

test("a slow client slows the provider down instead of filling our memory", async () => {
  rig = await openRig();
  const chunk = Buffer.alloc(256 * 1024, 120);
  let sent = 0;
  const chunks = Array.from({ length: 400 }, () => chunk);
  rig.provider.answer({
    headers: { "content-type": "application/octet-stream" },
    chunks,
    pace: () => void sent++,
  });
  const request = http.request(`${rig.baseUrl}/files/x/content`, { agent: false });
  request.end();
  const response = await new Promise<http.IncomingMessage>((resolve) => request.on("response", resolve));
  response.pause();

  let before = -1;
  while (sent !== before) {
    before = sent;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  expect(sent).toBeLessThan(200);
  let received = 0;
  response.on("data", (bytes: Buffer) => {
    received += bytes.length;
  });
  response.resume();
  await new Promise((resolve) => response.on("end", resolve));
  expect(received).toBe(400 * chunk.length);
});

test("a bug in the capture is counted and never touches the call", async () => {
  const derive = () => {
    throw new TypeError("a bug");
  };
  rig = await openRig({ derive });
  answerWith(JSON.stringify(ANSWER));

  const answer = await post(`${rig.baseUrl}/chat/completions`, CHAT).answer;

  expect(JSON.parse(answer.body.toString())).toEqual(ANSWER);
  expect((await rig.events()).map((event) => event.kind)).toEqual(["run.started"]);
  expect(rig.uncaptured).toEqual({ bug: 1 });
});

test("a provider that is not mounted is a 404 that names those that are", async () => {
  rig = await openRig();

  const answer = await post(rig.baseUrl.replace("/openai/", "/other/"), CHAT).answer;

  expect(answer.status).toBe(404);
  expect(JSON.parse(answer.body.toString()).detail).toContain("openai");
});

test("an answer that comes before the request is complete passes at once", async () => {
  const upstream = http.createServer((_, response) => {
    response.writeHead(413, { "content-type": "application/json", connection: "close" });
    response.end('{"error":{"message":"too large","type":"invalid_request_error"}}');
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const address = upstream.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  rig = await openRig({ upstream: { baseUrl: `http://127.0.0.1:${port}` } });
  const call = post(`${rig.baseUrl}/chat/completions`, "{", { "content-length": 10_000_000 });

  expect(await call.head).toBe(413);
  await until(() => rig.proxy.active === 0);
  call.request.destroy();

  expect((await rig.ended()).run).toMatchObject({
    status: "error",
    error: { message: "too large", status: 413 },
  });
  await new Promise((resolve) => {
    upstream.close(resolve);
    upstream.closeAllConnections();
  });
});
