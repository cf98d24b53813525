import { describe, test } from "vitest";
import { otlpSink } from "../../../packages/sluice/src/sinks/otlp/sink.ts";
import { createOtlp, sinkContract } from "../../../packages/sluice/src/testing/index.ts";

const secret = "otlp-key-3c2a4b18";

sinkContract(
  otlpSink,
  {
    options: (url) => ({ endpoint: url, headers: { authorization: `Bearer ${secret}` } }),
    secret,
    answer: () => createOtlp().answer,
    shortTimeout: { timeout_ms: 150 },
    skip: {
      "asks for a retry on 500": "OTLP forbids to send again what was answered with 500",
      "asks for a retry on 408": "OTLP forbids to send again what was answered with 408",
    },
  },
  { describe, test },
);
