import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

/**
 * Loaded into a daemon before its own first line (NODE_OPTIONS=--import): at each SIGUSR2 it writes how late
 * the event loop was since the one before, in milliseconds, to the file that SLUICE_LAG_FILE names.
 */
const RESOLUTION_MS = 1;
const file = process.env["SLUICE_LAG_FILE"];
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

process.on("SIGUSR2", () => {
  if (file === undefined) return;
  // It counts from one tick to the next, and that much of it is no delay.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  writeFileSync(`${file}.new`, JSON.stringify({ p99Ms: late(delay.percentile(99)), maxMs: late(delay.max) }));
  renameSync(`${file}.new`, file);
  delay.reset();
});
