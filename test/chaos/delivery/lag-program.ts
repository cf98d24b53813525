import { renameSync, writeFileSync } from "node:fs";
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

/**
 * Loaded into a daemon before its own first line (NODE_OPTIONS=--import): at each SIGUSR2 it writes how late
 * the event loop was since the one before, in milliseconds, to the file that SLUICE_LAG_FILE names. `late` is
 * by the clock, with whatever others did to the machine meanwhile. `busy` is the time that the loop's thread
 * took of a processor from one tick to the next, which is the program's alone.
 */
const TICK_MS = 1;
const file = process.env["SLUICE_LAG_FILE"];
const late = createHistogram();
const busy = createHistogram();

let atMs = performance.now();
let cpuMs = threadCpuMs();
setInterval(() => {
  const [nowMs, nowCpuMs] = [performance.now(), threadCpuMs()];
  record(late, nowMs - atMs - TICK_MS);
  record(busy, nowCpuMs - cpuMs);
  atMs = nowMs;
  cpuMs = nowCpuMs;
}, TICK_MS).unref();

process.on("SIGUSR2", () => {
  if (file === undefined) return;
  writeFileSync(`${file}.new`, JSON.stringify({ late: figuresOf(late), busy: figuresOf(busy) }));
  renameSync(`${file}.new`, file);
  late.reset();
  busy.reset();
});

function record(histogram: RecordableHistogram, ms: number): void {
  // It takes whole numbers from 1 on.
  histogram.record(Math.max(1, Math.round(ms * 1e6)));
}

function figuresOf(histogram: RecordableHistogram): { p99Ms: number; maxMs: number } {
  return { p99Ms: histogram.percentile(99) / 1e6, maxMs: histogram.max / 1e6 };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
