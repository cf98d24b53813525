export { type Batch, type BufferedOptions, createBufferedEmitter } from "./emit/buffered.ts";
export { createDaemonEmitter, type DaemonEmitterOptions } from "./emit/daemon/daemon-emitter.ts";
export type { DropReason, OnDrop } from "./emit/drop.ts";
export type { Emitter } from "./emit/emitter.ts";
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
