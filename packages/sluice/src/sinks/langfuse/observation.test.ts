import type { Json } from "@sluice/sdk";
import { expect, test } from "vitest";
import { ended } from "./langfuse.test-support.ts";
import { observationOf } from "./observation.ts";

const SEAL = "c2VhbGVk";
const THOUGHTS: Json = [
  { type: "thinking", thinking: "hm", signature: SEAL },
  { type: "redacted_thinking", data: SEAL },
  { type: "reasoning", summary: ["hm"], encrypted_content: SEAL },
  { functionCall: { name: "f" }, thoughtSignature: SEAL },
];

test.each(["llm", "agent", "tool"])(
  "thoughts of a run of type %s stay, and their signatures do not go to Langfuse",
  (type) => {
    const observation = observationOf(
      ended("r", {
        type,
        request: { input: [{ role: "assistant", content: THOUGHTS }] },
        response: { output: THOUGHTS },
      }),
    );

    expect(JSON.stringify(observation)).not.toContain(SEAL);
    expect(observation?.output).toEqual([
      { type: "thinking", thinking: "hm" },
      { type: "redacted_thinking" },
      { type: "reasoning", summary: ["hm"] },
      { functionCall: { name: "f" } },
    ]);
  },
);
