import { expect, test } from "vitest";
import { decodeEvent } from "./codec.ts";
import { completionTokensOf, promptTokensOf } from "./token-totals.ts";

test("the totals include what was cached, thought and spoken", () => {
  const usage = {
    input: 10,
    cacheRead: 4,
    output: 7,
    reasoning: 5,
    audioOutput: 1,
    source: "provider",
  } as const;

  expect([promptTokensOf(usage), completionTokensOf(usage)]).toEqual([14, 13]);
});

test("what nobody counted is unknown, and never 0", () => {
  expect([promptTokensOf({ source: "counted" }), completionTokensOf(undefined)]).toEqual([
    undefined,
    undefined,
  ]);
});

test("a count that keeps its text (10.0, as Python writes floats) is a number like any other", () => {
  const { run } = decodeEvent(
    Buffer.from('{"run":{"usage":{"input":10.0,"cacheRead":1e1,"output":2.50,"source":"counted"}}}'),
  );

  expect([promptTokensOf(run?.usage), completionTokensOf(run?.usage)]).toEqual([20, 2.5]);
});
