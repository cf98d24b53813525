import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock, systemDisk } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { balanceError } from "../../../packages/sluice/src/dispatch/balance.ts";
import { openVerification } from "../../../packages/sluice/src/verify.ts";
import { figure } from "../figures.ts";
import { scaled, seededDraw } from "../scale.ts";
import { allEndings, type EndedWork, survived } from "./endings.ts";
import { laboratoryOfTests, missing, type Room, sampled } from "./laboratory.ts";
import { readOracle } from "./oracle.ts";
import { EVENT_FILES, isOdd, openFilesPipeline } from "./pipeline-work.ts";

/** A whole pipeline that writes files ends by SIGKILL at a call to the system, and starts again. */
const POINTS = scaled({ test: 2, chaos: 100, soak: Number.POSITIVE_INFINITY });
const DRAIN_MS = 30_000;

const PIPELINE_WORKLOAD = new URL("./pipeline-workload.ts", import.meta.url).pathname;
const laboratory = laboratoryOfTests();
const random = seededDraw();

test.skipIf(missing)(
  `every event arrives and every balance holds when a pipeline is killed at any call (P1, P2, T02)${missing}`,
  async () => {
    const work: EndedWork = {
      run: ({ dataDir, oracle, injector }) =>
        laboratory.run(PIPELINE_WORKLOAD, { dataDir, oracle }, injector),
      problemsIn,
    };
    const points = sampled(await allEndings(laboratory.room(), work), POINTS, () => random.fraction());

    const recovered = await survived(laboratory, points, work);

    figure("P2", "SIGKILLs at a call of a whole pipeline after which each event arrived", recovered, "all");
    expect(recovered, "kills that came").toBeGreaterThan(points.length * 0.4);
  },
  1_200_000,
);

/** Starts the pipeline again, lets it deliver what is left, and compares. */
async function problemsIn({ dataDir, oracle }: Room): Promise<readonly string[]> {
  const pipeline = await openFilesPipeline(dataDir, systemClock);
  await pipeline.drain(DRAIN_MS);
  const { sinks } = pipeline.status();
  await pipeline.close();

  const problems = sinks
    .filter(({ balance }) => balanceError(balance) !== 0 || balance.pending !== 0)
    .map(({ sink, balance }) => `${sink}: ${JSON.stringify(balance)}`);
  const known = readOracle(oracle);
  for (const file of EVENT_FILES) {
    const found = new Set(idsIn(join(dataDir, file)));
    for (const { id } of known.acked.values()) {
      const isMeant = file === "all.jsonl" || isOdd(id);
      if (isMeant && !found.has(id)) problems.push(`${id} is not in ${file}`);
    }
    for (const id of found) if (!known.intended.has(id)) problems.push(`${file} has ${id}`);
  }
  const verified = await openVerification({ dataDir, disk: systemDisk });
  return [...problems, ...verified.problems];
}

/** A line that is no event is told as it is. */
function idsIn(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  const rest = lines.pop();
  const ids = lines.map((line) => {
    try {
      return JSON.parse(line).id;
    } catch {
      return `the line ${line}`;
    }
  });
  return rest ? [...ids, `the rest ${rest}`] : ids;
}
