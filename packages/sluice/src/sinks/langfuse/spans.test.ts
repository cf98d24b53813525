import { expect, test } from "vitest";
import { spanHome } from "../otlp/span-home.ts";
import { ended } from "./langfuse.test-support.ts";
import { langfuseProfile } from "./profile.ts";
import { langfuseSpan } from "./spans.ts";

const HOME = spanHome({});
const profile = langfuseProfile({}, { content: true });

function attributesOf(event: Parameters<typeof langfuseSpan>[0]): Readonly<Record<string, unknown>> {
  const mapped = langfuseSpan(event, HOME, profile);
  return "span" in mapped ? { ...mapped.span.attributes } : {};
}

test("input and output stand on the root observation: v4 does not read langfuse.trace.input and .output", () => {
  const attributes = attributesOf(ended("r", { request: { input: "Hi" }, response: { output: "Yo" } }));

  expect(attributes).toMatchObject({
    "langfuse.observation.input": "Hi",
    "langfuse.observation.output": "Yo",
  });
  expect(Object.keys(attributes).filter((name) => /^langfuse\.trace\.(in|out)put/.test(name))).toEqual([]);
});

test("10,000 tags are one attribute: Langfuse puts together 10,001 numbered ones at most", () => {
  const tags = Array.from({ length: 10_000 }, (_, index) => `t${index}`);

  const attributes = attributesOf(ended("r", {}, { tags }));

  expect(attributes["langfuse.trace.tags"]).toEqual(tags);
  expect(Object.keys(attributes).length).toBeLessThan(20);
});

test("first token, name and usage have Langfuse's own names, as it does not read or changes the conventions'", () => {
  const attributes = attributesOf(
    ended("r", {
      firstTokenTime: "2026-01-01T00:00:00.250Z",
      usage: { input: 10, cacheRead: 90, output: 5, source: "provider" },
    }),
  );

  expect(attributes["langfuse.observation.completion_start_time"]).toBe('"2026-01-01T00:00:00.250Z"');
  expect(attributes["langfuse.observation.usage_details"]).toContain('"input":10,');
  expect(Object.keys(attributes).filter((name) => name.startsWith("gen_ai."))).toEqual([]);
});
