import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import { sqliteSink } from "../../../packages/sluice/src/sinks/sqlite/sink.ts";
import { sinkContract } from "../../../packages/sluice/src/testing/index.ts";

function noDatabase(directory: string) {
  writeFileSync(join(directory, "letter.txt"), "Dear database, I am a letter. ".repeat(100));
  return { path: "letter.txt" };
}

sinkContract(
  sqliteSink,
  { options: () => ({}), brokenOptions: noDatabase, noHttp: "it writes to a disk" },
  { describe, test },
);
