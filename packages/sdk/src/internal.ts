/** What the `sluice` package shares with the SDK. Not for applications: it changes without notice. */
export { type Clock, sleep, systemClock, type Timer } from "./system/clock.ts";
export { codeOf, type Disk, type DiskFile, systemDisk } from "./system/disk.ts";
export { keepAlive } from "./system/keep-alive.ts";
export { ManualClock } from "./system/manual-clock.ts";
export { type Random, seededRandom, systemRandom } from "./system/random.ts";
export { appendText, closeDescriptor, openForAppend, readTextFile } from "./system/text-file.ts";
