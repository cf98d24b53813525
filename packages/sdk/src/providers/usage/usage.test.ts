import { readFileSync } from "node:fs";
import path from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEvent } from "../../event/codec.ts";
import type { Json, JsonObject, Usage } from "../../event/event.ts";
import { completionTokensOf, promptTokensOf } from "../../event/token-totals.ts";
import { checkEvent } from "../../event/validate.ts";
import { usageOf } from "./usage.ts";

/** Written for this test, in the shapes of the recordings that they name. */
const SHAPES: readonly { shape: string; raw: JsonObject; usage: Partial<Usage> }[] = JSON.parse(
  readFileSync(path.join(import.meta.dirname, "golden/shapes.json"), "utf8"),
);

test.each(SHAPES)("$shape: its counts are in disjoint buckets", ({ raw, usage }) => {
  expect(usageOf(raw)).toEqual({ ...usage, source: "provider", raw });
});

test.each(SHAPES)("$shape: the buckets add up to the total, or are flagged", ({ raw }) => {
  const usage = usageOf(raw);
  const total = raw.total_tokens ?? raw.totalTokenCount ?? raw.totalTokensCount;

  const sum = (promptTokensOf(usage) ?? 0) + (completionTokensOf(usage) ?? 0);

  expect(total === undefined || sum === total || usage?.flags?.includes("total")).toBe(true);
});

test("of Ollama's last line only what it counted is kept", () => {
  const counted = { total_duration: 5_000_000, prompt_eval_count: 26, eval_count: 298, eval_duration: 9 };
  const line = { model: "llama3.2", message: { role: "assistant", content: "" }, done: true, ...counted };

  expect(usageOf(line)).toEqual({ input: 26, output: 298, source: "provider", raw: counted });
  // It leaves out a count that is 0: a prompt that its cache had as a whole.
  expect(usageOf({ done: true, eval_count: 7 })).toEqual({
    output: 7,
    source: "provider",
    raw: { eval_count: 7 },
  });
});

test("an object without a count is no usage", () => {
  for (const none of [
    undefined,
    null,
    7,
    "usage",
    [],
    {},
    { total_tokens: 3 },
    { trafficType: "ON_DEMAND" },
  ]) {
    expect(usageOf(none)).toBeUndefined();
  }
  expect(usageOf({ prompt_tokens: null, completion_tokens: null })).toBeUndefined();
});

test("what should be a count and is none is absent and flagged, and the rest is read", () => {
  for (const none of [-1, 0.5, "7", true, {}, [], Number.NaN, Number.POSITIVE_INFINITY, 1e13]) {
    const usage = usageOf({ prompt_tokens: none, completion_tokens: 5 });

    expect(usage).toMatchObject({ output: 5, flags: ["malformed"] });
    expect(usage).not.toHaveProperty("input");
  }
  expect(usageOf({ prompt_tokens: 9, prompt_tokens_details: "none" })).toMatchObject({
    input: 9,
    flags: ["malformed"],
  });
});

test("a sum of two counts that no event may carry is absent and flagged", () => {
  const usage = usageOf({ promptTokenCount: 1e12, toolUsePromptTokenCount: 1e12, thoughtsTokenCount: 3 });

  expect(usage).toMatchObject({ reasoning: 3, flags: ["malformed"] });
  expect(usage).not.toHaveProperty("input");
});

test("two counts of one thing are flagged where they differ, and the first is taken", () => {
  const cached = { prompt_tokens: 9, prompt_tokens_details: { cached_tokens: 4 } };

  expect(usageOf({ ...cached, prompt_cache_hit_tokens: 4 })).not.toHaveProperty("flags");
  expect(usageOf({ ...cached, prompt_cache_hit_tokens: 5 })).toMatchObject({
    input: 5,
    cacheRead: 4,
    flags: ["details"],
  });
  expect(usageOf({ ...cached, prompt_cache_miss_tokens: 6 })).toMatchObject({ flags: ["details"] });
});

test("parts that are more than their whole leave 0 and are flagged", () => {
  expect(usageOf({ prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 9 } })).toMatchObject({
    input: 0,
    cacheRead: 9,
    flags: ["details"],
  });
});

test("numbers that keep their text are read by their value", () => {
  const json = '{"run":{"usage":{"raw":{"prompt_tokens":10.0,"completion_tokens":1e400}}}}';

  expect(usageOf(decodeEvent(Buffer.from(json)).run?.usage?.raw)).toMatchObject({
    input: 10,
    flags: ["malformed"],
  });
});

const hostile: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(-1, -0, 0.1, 2 ** 53, 1e12, 1e300, "12", "", true, null, [], [[]], [null], {}, "NaN"),
  fc.constantFrom<Json>(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.nat(1_000),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
);

test("whatever stands in a usage object, reading it never throws and no event is refused for it (E11)", () => {
  const names = [...new Set(SHAPES.flatMap(({ raw }) => namesIn(raw)))];
  const wild = fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(hostile, fc.dictionary(fc.constantFrom(...names), hostile)),
    {
      maxKeys: 12,
    },
  );
  const changed = fc
    .tuple(fc.constantFrom(...SHAPES), fc.infiniteStream(fc.option(hostile, { freq: 4, nil: undefined })))
    .map(([{ raw }, changes]) => withChanges(raw, changes));

  fc.assert(
    fc.property(fc.oneof(wild, changed, hostile), (raw) => {
      const usage = usageOf(raw);

      if (usage === undefined) return;
      for (const count of Object.values(bucketsOf(usage))) {
        expect(Number.isInteger(count) && Number(count) >= 0 && Number(count) <= 1e12).toBe(true);
      }
      expect(Object.keys(bucketsOf(usage)).length).toBeGreaterThan(0);
      expect(checkEvent(anEndWith(usage))).toBeUndefined();
    }),
    { numRuns: 2_000 },
  );
});

test("counts that agree add up to what the provider said, without a flag", () => {
  const count = fc.nat(1_000_000);

  fc.assert(
    fc.property(fc.tuple(count, count, count, count, count), (counts) => {
      const [input, cacheRead, audioInput, output, reasoning] = counts;
      const prompt = input + cacheRead + audioInput;
      const total = prompt + output + reasoning;
      const buckets = { input, cacheRead, audioInput, output, reasoning };
      const prompt_tokens_details = { cached_tokens: cacheRead, audio_tokens: audioInput };
      const completion_tokens_details = { reasoning_tokens: reasoning };
      const chat = { prompt_tokens: prompt, prompt_tokens_details, completion_tokens_details };

      const inside = usageOf({ ...chat, completion_tokens: output + reasoning, total_tokens: total });
      const beside = usageOf({ ...chat, completion_tokens: output, total_tokens: total });

      expect(inside).toEqual({ ...buckets, source: "provider", raw: inside?.raw });
      expect(beside).toEqual({ ...buckets, source: "provider", raw: beside?.raw });
    }),
  );
});

function namesIn(value: Json | undefined): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [name, ...namesIn(member as Json)]);
}

/** A copy in which some values, at any depth, are another's. */
function withChanges(value: Json, changes: Iterator<Json | undefined>): Json {
  if (typeof value !== "object" || value === null) return changes.next().value ?? value;
  if (Array.isArray(value)) return value.map((member) => withChanges(member, changes));
  const members = Object.entries(value).map(([name, member]) => {
    return [name, changes.next().value ?? withChanges(member as Json, changes)] as const;
  });
  return Object.fromEntries(members);
}

function bucketsOf(usage: Usage): Partial<Usage> {
  const { source: _source, raw: _raw, flags: _flags, ...buckets } = usage;
  return buckets;
}

function anEndWith({ raw: _raw, ...usage }: Usage): JsonObject {
  const time = "2026-11-21T05:00:00.000Z";
  return { id: "e-1", kind: "run.ended", time, runId: "r-1", run: { type: "llm", usage: { ...usage } } };
}
