/** What the `sluice` package shares with the SDK. Not for applications: it changes without notice. */
export { decodeEvent, decodeJson, encodeEvent, numberOf } from "./event/codec.ts";
export { RUN_PAYLOAD, type RunPayload } from "./event/dialects/run-payload/names.ts";
export { fromRunPayload, toRunPayloads } from "./event/dialects/run-payload/run-payload.ts";
export type { EventFault } from "./event/fields.ts";
export { createIds, DERIVED_ID_NAMESPACE, deriveId, type Ids, uuidBytes, uuidv5 } from "./event/ids.ts";
export {
  BODY_BYTES_MAX,
  EVENT_LIMITS,
  ID_CHARS_MAX,
  ITEMS_PER_REQUEST_MAX,
  type JsonLimits,
} from "./event/limits.ts";
export { type Scan, type ScanFault, type ScannedItem, scanJson } from "./event/scan.ts";
export { isUtcTime } from "./event/time.ts";
export { checkEvent, endId, type IncomingEvent, isComplete, isPiece } from "./event/validate.ts";
export { type Clock, sleep, systemClock, type Timer } from "./system/clock.ts";
export { codeOf, type Disk, type DiskFile, systemDisk } from "./system/disk.ts";
export { ManualClock } from "./system/manual-clock.ts";
export { type Random, seededRandom, systemRandom } from "./system/random.ts";
