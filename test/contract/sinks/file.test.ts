import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import { fileSink } from "../../../packages/sluice/src/sinks/file/sink.ts";
import { sinkContract } from "../../../packages/sluice/src/testing/index.ts";

const noHttp = "it writes to a disk";

/** A path below a file: no directory can be made there. */
function brokenOptions(directory: string) {
  writeFileSync(join(directory, "taken"), "");
  return { path: "taken/events.jsonl" };
}

sinkContract(fileSink, { options: () => ({}), brokenOptions, noHttp }, { describe, test });

describe("split by user", () => {
  sinkContract(
    fileSink,
    {
      options: () => ({ path: "{scope}/{user}.jsonl", rotate: { max_bytes: 4_096, keep: 2 } }),
      brokenOptions: (directory) => ({ ...brokenOptions(directory), path: "taken/{user}.jsonl" }),
      noHttp,
    },
    { describe, test },
  );
});

describe("bracketed", () => {
  sinkContract(
    fileSink,
    { options: () => ({ path: "events.log", format: "bracketed" }), brokenOptions, noHttp },
    { describe, test },
  );
});
