import type { JsonObject } from "@sluice/sdk";
import { decodeJson } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { PROFILES } from "../otlp/profiles.ts";
import { ended } from "./langfuse.test-support.ts";

const event = ended("r", { request: { model: "m", input: "Hi", params: { tools: [{ name: "f" }] } } });

test("as a profile of the otlp sink it sends what was said only where that is asked for", () => {
  const names = (content: boolean) => Object.keys(PROFILES.langfuse({ content })(event, event.run));
  const said = ["langfuse.observation.input", "langfuse.observation.output"];

  expect(names(true)).toEqual(expect.arrayContaining([...said, "langfuse.observation.model.parameters"]));
  expect(names(false).filter((name) => /input|output|parameters/.test(name))).toEqual([]);
  expect(names(false)).toContain("langfuse.observation.usage_details");
});

test("no name of the conventions stands beside Langfuse's own, or it would count twice", () => {
  const names = Object.keys(PROFILES.langfuse({ content: true })(event, event.run));

  expect(names.filter((name) => name.startsWith("gen_ai."))).toEqual([]);
});

test("metadata with keys like __proto__ and constructor is data, and a number that a double cannot hold keeps its digits", () => {
  const metadata = decodeJson(
    '{"__proto__":{"polluted":1},"constructor":"c","n":9007199254740993,"deep":{"a":[1]}}',
  );
  const attributes = PROFILES.langfuse({ content: true })(
    { ...event, metadata: metadata as JsonObject },
    event.run,
  );

  expect(attributes).toMatchObject({
    "langfuse.observation.metadata.__proto__": '{"polluted":1}',
    "langfuse.trace.metadata.n": "9007199254740993",
    "langfuse.trace.metadata.constructor": "c",
    "langfuse.trace.metadata.deep": '{"a":[1]}',
  });
});
