import { describe, test } from "vitest";
import { langfuseSink } from "../../../packages/sluice/src/sinks/langfuse/sink.ts";
import {
  createLangfuse,
  LANGFUSE_TEST_KEYS,
  sinkContract,
} from "../../../packages/sluice/src/testing/index.ts";

for (const [mode, server] of [
  ["otlp", { version: 4 }],
  ["ingestion", { version: 3 }],
] as const) {
  describe(mode, () => {
    sinkContract(
      langfuseSink,
      {
        options: (endpoint) => ({ endpoint, mode, ...LANGFUSE_TEST_KEYS }),
        secret: LANGFUSE_TEST_KEYS.secret_key,
        answer: () => createLangfuse(server).answer,
        shortTimeout: { timeout_ms: 150 },
      },
      { describe, test },
    );
  });
}
