export { type Batch, BatchError, type BufferedOptions, createBufferedEmitter } from "./emit/buffered.ts";
export { type ConsoleOptions, createConsoleEmitter } from "./emit/console.ts";
export type { DropReason, OnDrop } from "./emit/drop.ts";
export type { Emitter } from "./emit/emitter.ts";
export { type CombineOptions, fanOut } from "./emit/fan-out.ts";
export { createFileEmitter, type FileOptions } from "./emit/file.ts";
export { filtered, mapped } from "./emit/filtered.ts";
export { createMemoryEmitter, type MemoryEmitter, type MemoryOptions } from "./emit/memory.ts";
export { noopEmitter } from "./emit/noop.ts";
export {
  contentEndEvent,
  contentStartEvent,
  errorEvent,
  messageStartEvent,
  messageStopEvent,
  STREAM_EVENT_TYPES,
  type StreamEvent,
  type StreamEventType,
  streamEvent,
  textDeltaEvent,
  thinkingEvent,
  usageEvent,
} from "./event/dialects/stream/stream-event.ts";
export type {
  Event,
  Json,
  JsonObject,
  Origin,
  Run,
  RunError,
  RunRequest,
  RunResponse,
  RunStatus,
  RunType,
  Scope,
  Session,
  ToolCall,
  Usage,
} from "./event/event.ts";
export { CUSTOM_KIND_CODE, KIND_CODES, type Kind, kindCode, matchesKind } from "./event/kinds.ts";
export type { IncomingEvent } from "./event/validate.ts";
