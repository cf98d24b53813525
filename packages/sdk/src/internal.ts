/** What the `sluice` package shares with the SDK. Not for applications: it changes without notice. */
export { type Clock, sleep, systemClock, type Timer } from "./system/clock.ts";
export { codeOf, type Disk, type DiskFile, systemDisk } from "./system/disk.ts";
export { type DiskCall, type Fault, faultyDisk } from "./system/faulty-disk.ts";
export { ManualClock } from "./system/manual-clock.ts";
export { MemoryDisk } from "./system/memory-disk.ts";
export { oneSyncAtATime } from "./system/one-sync-disk.ts";
export { systemProcess, type ThisProcess } from "./system/process.ts";
export { type Random, seededRandom, systemRandom } from "./system/random.ts";
