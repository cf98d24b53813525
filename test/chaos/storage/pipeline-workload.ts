import { ManualClock } from "@sluice/sdk/internal";
import { openOracle } from "./oracle.ts";
import { EVENTS, EVENTS_AT_ONCE, eventRecord, openFilesPipeline, pendingOf } from "./pipeline-work.ts";

/**
 * A program that sends events through a whole pipeline into files, for tests that kill it. Its time is moved
 * by hand, so that ledgers are stored and settled segments removed while it works:
 *
 *   node --conditions=sluice-source test/chaos/storage/pipeline-workload.ts '{"dataDir":…,"oracle":…}'
 */
const { dataDir, oracle: path }: { dataDir: string; oracle: string } = JSON.parse(process.argv[2] ?? "{}");
const oracle = openOracle(path);
const clock = new ManualClock();
const pipeline = await openFilesPipeline(dataDir, clock);
for (let from = 0; from < EVENTS; from += EVENTS_AT_ONCE) {
  const records = Array.from({ length: EVENTS_AT_ONCE }, (_, index) => eventRecord(from + index));
  for (const { id, body } of records) oracle.note({ intent: id, bytes: body.length });
  const outcomes = await pipeline.intake.append(records);
  for (const [index, { id, body }] of records.entries()) {
    const outcome = outcomes[index];
    if (outcome?.status !== "appended") throw new Error(`${id} is ${JSON.stringify(outcome)}`);
    oracle.note({ acked: id, bytes: body.length, offset: outcome.offset });
  }
  await clock.advance(3_000);
}
while (pendingOf(pipeline) > 0) await clock.advance(1_000);
await pipeline.close();
oracle.note({ done: true, failures: 0, recoveredAfterMs: 0 });
oracle.close();
