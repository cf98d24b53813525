/** What the `sluice` package shares with the SDK. Not for applications: it changes without notice. */
export { resolveDataDir } from "./emit/daemon/data-dir.ts";
export {
  CHALLENGE_HEADER,
  DISCOVERY_FILE,
  type Discovery,
  isProof,
  PROOF_HEADER,
  proofOf,
  readDiscovery,
} from "./emit/daemon/discovery.ts";
export {
  bySpillOrder,
  decodeSpillHeader,
  encodeSpillHeader,
  SPILL_DIRECTORY,
  SPILL_HEADER_BYTES_MAX,
  spillFileName,
  spillStateOf,
} from "./emit/daemon/spill-format.ts";
export { decodeEvent, decodeJson, encodeEvent, numberOf } from "./event/codec.ts";
export { BUS } from "./event/dialects/bus/names.ts";
export { busPlace } from "./event/dialects/bus/place.ts";
export type { Arrival, Dialect } from "./event/dialects/dialect.ts";
export { DIALECTS, dialectNamed, dialectsOf } from "./event/dialects/dialects.ts";
export { RUN_PAYLOAD, type RunPayload } from "./event/dialects/run-payload/names.ts";
export { toRunPayloads } from "./event/dialects/run-payload/run-payload.ts";
export type { EventFault } from "./event/fields.ts";
export { createIds, DERIVED_ID_NAMESPACE, deriveId, type Ids, uuidBytes, uuidv5 } from "./event/ids.ts";
export {
  BODY_BYTES_MAX,
  EVENT_LIMITS,
  ID_CHARS_MAX,
  ITEMS_PER_REQUEST_MAX,
  type JsonLimits,
} from "./event/limits.ts";
export { missingId, missingTime } from "./event/missing.ts";
export { type Scan, type ScanFault, type ScannedItem, scanJson } from "./event/scan.ts";
export { spanIdOf, traceIdOf } from "./event/span-ids.ts";
export { isUtcTime } from "./event/time.ts";
export { completionTokensOf, promptTokensOf, totalOf } from "./event/token-totals.ts";
export { checkEvent, endId, type IncomingEvent, isComplete, isPiece } from "./event/validate.ts";
export { bracketedEntry, bracketedFormat } from "./logfile/bracketed.ts";
export { jsonlEntry, jsonlFormat } from "./logfile/jsonl.ts";
export { type AppendResult, createLogFile, type LogFile, type LogFileOptions } from "./logfile/log-file.ts";
export type { Rotation } from "./logfile/rotation.ts";
export type { LogFormat } from "./logfile/torn-tail.ts";
export { type Conclusion, conclude } from "./providers/conclude.ts";
export { type ConnectionFault, connectionFaultOf } from "./providers/fault.ts";
export { openai } from "./providers/openai/openai.ts";
export { type RequestText, readRequest, readRequestText } from "./providers/openai/request.ts";
export { listOf, objectOf } from "./providers/openai/wire.ts";
export type { Operation, Provider, Reading, ResponseBody, StreamReader } from "./providers/provider.ts";
export {
  createSseSplitter,
  type ServerSentEvent,
  type SseOptions,
  type SseSplitter,
} from "./providers/sse.ts";
export { Utf8Pieces } from "./providers/utf8-pieces.ts";
export { type Clock, sleep, systemClock, type Timer } from "./system/clock.ts";
export {
  codeOf,
  type Disk,
  type DiskFile,
  type FileState,
  isNoFile,
  type OpenMode,
  systemDisk,
} from "./system/disk.ts";
export { type DiskCall, type Fault, faultyDisk } from "./system/faulty-disk.ts";
export { keepAlive } from "./system/keep-alive.ts";
export { ManualClock } from "./system/manual-clock.ts";
export { MemoryDisk } from "./system/memory-disk.ts";
export { oneSyncAtATime } from "./system/one-sync-disk.ts";
export { type Output, systemOutput } from "./system/output.ts";
export { systemProcess, type ThisProcess } from "./system/process.ts";
export { endProcess } from "./system/process-end.ts";
export {
  type ProcessIdentity,
  type ProcessTable,
  processOf,
  systemProcessTable,
} from "./system/process-table.ts";
export { type Random, seededRandom, systemRandom } from "./system/random.ts";
export { syncDirectory } from "./system/sync-directory.ts";
export { appendText, closeDescriptor, openForAppend, readTextFile } from "./system/text-file.ts";
