import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Reading } from "../provider.ts";
import { openChatStream } from "./chat-stream.ts";

const KEEP_ALL = 4 * 1024 * 1024;

function read(text: string, pieces: readonly string[] = [text], charsMax = KEEP_ALL): Reading {
  const stream = openChatStream(charsMax);
  for (const piece of pieces) stream.feed(piece);
  return stream.end();
}

function data(chunk: object | string): string {
  return `data: ${typeof chunk === "string" ? chunk : JSON.stringify(chunk)}\n\n`;
}

function delta(value: object, finish: string | null = null, extra: object = {}, index = 0): string {
  const choices = [{ index, delta: value, logprobs: null, finish_reason: finish }];
  return data({ id: "c-1", model: "m-1", choices, ...extra });
}

describe("chunks that are sliced say what parsing them would have said", () => {
  const content = fc.oneof(
    { weight: 3, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
    fc.constantFrom(
      "",
      '"',
      "\\",
      "\\\\",
      '\\"',
      "\n",
      "\u0000",
      "\ud83d",
      "\ude00",
      '"content":"',
      '","obfuscation":"x',
    ),
  );
  const obfuscation = fc.option(fc.stringMatching(/^[A-Za-z0-9]{0,12}$/), { nil: undefined });

  test("for any tokens, whatever way the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(content, { maxLength: 30 }),
        fc.infiniteStream(obfuscation),
        fc.nat(400),
        (tokens, noise, cut) => {
          const isNoisy = noise.next().value !== undefined;
          const text = tokens
            .map((token) =>
              delta({ content: token }, null, isNoisy ? { obfuscation: noise.next().value ?? "x" } : {}),
            )
            .join("");
          const pieces = [text.slice(0, cut), text.slice(cut)];
          const output = read(text, pieces).response?.output;
          const expected = tokens.length === 0 ? undefined : { role: "assistant", content: tokens.join("") };
          expect(output).toEqual(expected);
        },
      ),
      { verbose: 1, numRuns: 500 },
    );
  });

  test("and chunks that differ anywhere else are not taken for alike", () => {
    const text =
      delta({ content: "a" }) +
      delta({ content: "b" }) +
      delta({ content: "c" }, "stop") +
      delta({ content: "d" }, null, {}, 1) +
      data({ id: "c-1", model: "m-1", choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } });

    const reading = read(text);

    expect(reading.response?.output).toEqual([
      { role: "assistant", content: "abc" },
      { role: "assistant", content: "d" },
    ]);
    expect(reading.usage).toMatchObject({ input: 3, output: 2 });
    expect(reading.isComplete).toBe(false);
  });

  test("and broken chunks between them are left out, as parsing would leave them out", () => {
    const text = `${delta({ content: "a" })}${delta({ content: "b" })}${delta({ content: "X" }).replace("X", "\\x")}${delta({ content: "c" })}`;

    expect(read(text).response?.output).toEqual({ role: "assistant", content: "abc" });
  });
});

test("tool calls come together from their fragments, in any order", () => {
  const call = (index: number, rest: object) => delta({ tool_calls: [{ index, ...rest }] });
  const text =
    call(1, { id: "b", type: "function", function: { name: "two", arguments: "" } }) +
    call(0, { id: "a", type: "function", function: { name: "one", arguments: '{"x"' } }) +
    call(1, { function: { arguments: "{}" } }) +
    call(0, { function: { arguments: ":1}" } }) +
    delta({}, "tool_calls") +
    data("[DONE]");

  const reading = read(text);

  expect(reading.toolCalls).toEqual([
    { id: "a", name: "one", arguments: '{"x":1}' },
    { id: "b", name: "two", arguments: "{}" },
  ]);
  expect(reading).toMatchObject({ isComplete: true, response: { finishReasons: ["tool_calls"] } });
});

test("thoughts, refusals, old function calls and transcripts are kept beside the content", () => {
  const text =
    delta({ reasoning_content: "hm", reasoning: "so" }) +
    delta({ reasoning_content: "m", refusal: "no" }) +
    delta({ function_call: { name: "f", arguments: "{" } }) +
    delta({ function_call: { arguments: "}" }, audio: { id: "au", transcript: "hel" } }) +
    delta({ audio: { data: "AAAA", transcript: "lo" } }, "stop");

  expect(read(text).response?.output).toEqual({
    role: "assistant",
    content: null,
    reasoning_content: "hmm",
    reasoning: "so",
    refusal: "no",
    function_call: { name: "f", arguments: "{}" },
    audio: { id: "au", transcript: "hello" },
  });
});

test.each([
  ["in the data", data({ error: { message: "over", type: "server_error", code: 500 } })],
  ["as an event", `event: error\n${data({ message: "over", type: "server_error", code: "500" })}`],
])("an error in the middle %s ends the reading with what came before", (_, error) => {
  const reading = read(delta({ content: "a" }) + error);

  expect(reading.error).toEqual({ message: "over", type: "server_error", code: "500" });
  expect(reading.response?.output).toEqual({ role: "assistant", content: "a" });
});

test("the first token is known at once, and a role alone is none", () => {
  const stream = openChatStream(KEEP_ALL);
  stream.feed(delta({ role: "assistant", content: "" }));
  expect(stream.hasContent).toBe(false);
  stream.feed(delta({ content: "a" }));
  expect(stream.hasContent).toBe(true);
});

test("beyond what is kept the text ends, and usage and finish are still read", () => {
  const text =
    delta({ content: "x".repeat(60) }).repeat(10) +
    delta({}, "length") +
    data({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 600 } });

  const reading = read(text, [text], 100);

  expect(reading.isCut).toBe(true);
  expect(reading.response?.output).toEqual({ role: "assistant", content: "x".repeat(100) });
  expect(reading).toMatchObject({
    isComplete: true,
    usage: { output: 600 },
    response: { finishReasons: ["length"] },
  });
});
