import { type WorkloadOptions, work } from "./work.ts";

/**
 * The scripted work with a file spool (work.ts) as a program, for tests that kill it or record what it asks
 * of the system:
 *
 *   node --conditions=sluice-source test/chaos/storage/workload.ts '{"dataDir":…,"oracle":…,"seed":1}'
 *
 * Ends with 0 when all was done.
 */
const options: WorkloadOptions = JSON.parse(process.argv[2] ?? "{}");
await work(options);
