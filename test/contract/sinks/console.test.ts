import { describe, test } from "vitest";
import { consoleSink } from "../../../packages/sluice/src/sinks/console.ts";
import { sinkContract } from "../../../packages/sluice/src/testing/index.ts";

const skip = { "its check says so when it cannot deliver": "standard output cannot be asked beforehand" };
const noHttp = "it prints";

for (const format of ["text", "json"]) {
  describe(format, () => {
    sinkContract(consoleSink, { options: () => ({ format }), noHttp, skip }, { describe, test });
  });
}
