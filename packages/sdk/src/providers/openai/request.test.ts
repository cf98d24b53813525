import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "../../event/event.ts";
import { openai } from "./openai.ts";
import { readRequest, readRequestText } from "./request.ts";

const chat = openai.operation("/v1/chat/completions?api-version=1");
if (chat === undefined) throw new Error("chat is an operation");

test("operations are told by the end of the path", () => {
  expect(openai.operation("/v1/chat/completions/")?.name).toBe("chat");
  expect(openai.operation("/deployments/x/embeddings?a=b")?.name).toBe("embeddings");
  expect(openai.operation("/v1/completions")?.name).toBe("completion");
  expect(openai.operation("/v1/responses")?.name).toBe("responses");
  for (const path of ["/v1/models", "/v1/responses/resp_1", "/v1/responses/resp_1/cancel", "/v1/files"]) {
    expect(openai.operation(path)).toBeUndefined();
  }
});

test("a request read from text is the request read as a value, on one line", () => {
  const body = fc.record(
    { model: fc.string(), stream: fc.boolean(), messages: fc.array(fc.jsonValue()), extra: fc.jsonValue() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(body, fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const { json } = readRequestText(chat, text, false);
      expect(json).not.toContain("\n");
      expect(JSON.parse(json)).toEqual(readRequest(chat, JSON.parse(text) as JsonObject));
    }),
    { verbose: 1 },
  );
});

test("numbers keep their digits", () => {
  const { json } = readRequestText(
    chat,
    '{"model":"m","messages":[],"seed":12345678901234567890,"t":0.70}',
    false,
  );

  expect(json).toBe('{"model":"m","input":[],"params":{"seed":12345678901234567890,"t":0.70}}');
});

test("what is no JSON object is the input as it came", () => {
  for (const text of ["", "nonsense", "[1]", '{"model":', '{"a":1}}']) {
    expect(JSON.parse(readRequestText(chat, text, false).json)).toEqual({ input: text });
  }
});

test("a request nested too deep is kept as text", () => {
  const text = `{"model":"m","messages":${"[".repeat(100)}${"]".repeat(100)}}`;

  expect(readRequestText(chat, text, false)).toMatchObject({ model: "m" });
  expect(JSON.parse(readRequestText(chat, text, false).json)).toEqual({ input: text });
});

test("of a request that is cut anywhere, what came is kept as valid JSON", () => {
  const text = JSON.stringify(
    { stream: true, model: "m", messages: [{ role: "user", content: "Grüße" }], n: 2 },
    null,
    1,
  );
  for (let end = 0; end <= text.length; end++)
    JSON.parse(readRequestText(chat, text.slice(0, end), true).json);

  const cut = readRequestText(chat, text.slice(0, 60), true);

  expect(cut).toMatchObject({ model: "m", stream: true });
  expect(JSON.parse(cut.json)).toEqual({ model: "m", stream: true, input: expect.stringContaining("[") });
});
