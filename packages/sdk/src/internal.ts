/** What the `sluice` package shares with the SDK. Not for applications: it changes without notice. */
export { decodeEvent, decodeJson, encodeEvent, numberOf } from "./event/codec.ts";
export { createIds, DERIVED_ID_NAMESPACE, deriveId, type Ids, uuidBytes, uuidv5 } from "./event/ids.ts";
export { bracketedEntry, bracketedFormat } from "./logfile/bracketed.ts";
export { jsonlEntry, jsonlFormat } from "./logfile/jsonl.ts";
export { type AppendResult, createLogFile, type LogFile, type LogFileOptions } from "./logfile/log-file.ts";
export type { Rotation } from "./logfile/rotation.ts";
export type { LogFormat } from "./logfile/torn-tail.ts";
export { type Clock, sleep, systemClock, type Timer } from "./system/clock.ts";
export { codeOf, type Disk, type DiskFile, type FileState, systemDisk } from "./system/disk.ts";
export { ManualClock } from "./system/manual-clock.ts";
export { oneSyncAtATime } from "./system/one-sync-disk.ts";
export { systemProcess, type ThisProcess } from "./system/process.ts";
export { type Output, systemOutput } from "./system/output.ts";
export { type Random, seededRandom, systemRandom } from "./system/random.ts";
