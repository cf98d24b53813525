import { systemClock, systemDisk, systemRandom } from "@sluice/sdk/internal";
import { openFileSpool } from "../../../packages/sluice/src/spool/file/spool.ts";

/** A process of its own that opens a spool, says how long that took and what it needed, and closes it. */
export interface Opening {
  readonly openMs: number;
  /** What it took of all processors, the kernel's work included. */
  readonly cpuMs: number;
  readonly records: number;
  readonly rssBytesMax: number;
}

const [, , dataDir = ""] = process.argv;
const start = performance.now();
const cpuBefore = process.cpuUsage();
const spool = await openFileSpool({
  dataDir,
  disk: systemDisk,
  clock: systemClock,
  random: systemRandom,
  maxBytes: 1024 ** 4,
  minFreeBytes: 0,
});
const openMs = performance.now() - start;
const { user, system } = process.cpuUsage(cpuBefore);
const opening: Opening = {
  openMs,
  cpuMs: (user + system) / 1000,
  records: spool.state.nextOffset - spool.state.firstOffset - spool.state.damaged,
  rssBytesMax: process.resourceUsage().maxRSS * 1024,
};
await spool.close();
process.stdout.write(JSON.stringify(opening));
