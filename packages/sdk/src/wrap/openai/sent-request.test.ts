import { expect, test } from "vitest";
import { sentRequest, unsentRequest } from "./sent-request.ts";

const url = "http://127.0.0.1:1/v1/chat/completions";
const post = (body: unknown, headers = {}) =>
  sentRequest(`${url}?key=secret`, { method: "post", body: body as string, headers });

test("a request is read from the text that is sent, or from its bytes", () => {
  const text = '{"model":"m","messages":[1],"temperature":0,"stream":true}';
  const request = { model: "m", input: [1], params: { temperature: 0 }, stream: true };

  for (const body of [text, Buffer.from(text)]) {
    expect(post(body)).toMatchObject({ method: "POST", path: "/v1/chat/completions", request });
  }
  expect(sentRequest(new URL(url), { method: "POST", body: text })?.request).toEqual(request);
});

test("what is no JSON object is the input as it is, and what streams is left alone", () => {
  expect(post("no json")?.request).toEqual({ input: "no json" });
  expect(post("[1]")?.request).toEqual({ input: "[1]" });
  expect(post(new ReadableStream())?.request).toEqual({});
});

test("a request that is longer than what is kept tells its size", () => {
  const content = "ü".repeat(3 * 1024 * 1024);

  const sent = post(JSON.stringify({ model: "m", messages: [{ content: content + content }] }));

  expect(sent?.request.model).toBe("m");
  expect(sent?.truncatedBytes).toBeGreaterThan(12 * 1024 * 1024);
});

test("keys are found wherever they stand", () => {
  expect(post("{}", { Authorization: "Bearer sk-12345678" })?.secrets).toEqual(["sk-12345678"]);
  expect(post("{}", { "api-key": "12345678" })?.secrets).toEqual(["12345678"]);
  expect(post("{}", { authorization: "Bearer short" })?.secrets).toEqual([]);
});

test("what makes no run is none", () => {
  expect(sentRequest(url, { method: "GET" })).toBeUndefined();
  expect(sentRequest(url, undefined)).toBeUndefined();
  expect(sentRequest("http://127.0.0.1/v1/files", { method: "POST" })).toBeUndefined();
});

test("a call that was never sent is read from the client's options", () => {
  const body = { model: "m", input: "Hi" };

  expect(unsentRequest({ method: "post", path: "/responses", body })).toMatchObject({
    path: "/responses",
    request: body,
  });
  for (const options of [
    undefined,
    7,
    {},
    { method: "get", path: "/responses" },
    { method: "post", path: 7 },
  ]) {
    expect(unsentRequest(options)).toBeUndefined();
  }
});
