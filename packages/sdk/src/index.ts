export { type Batch, BatchError, type BufferedOptions, createBufferedEmitter } from "./emit/buffered.ts";
export { type ConsoleOptions, createConsoleEmitter } from "./emit/console.ts";
export { createDaemonEmitter, type DaemonEmitterOptions } from "./emit/daemon/daemon-emitter.ts";
export type { DropReason, OnDrop } from "./emit/drop.ts";
export type { Emitter } from "./emit/emitter.ts";
export { type CombineOptions, fanOut } from "./emit/fan-out.ts";
export { createFileEmitter, type FileOptions } from "./emit/file.ts";
export { filtered, mapped } from "./emit/filtered.ts";
export {
  type FromLifecycleOptions,
  fromLifecycle,
  type ToLifecycleOptions,
  toLifecycle,
} from "./emit/lifecycle.ts";
export { createMemoryEmitter, type MemoryEmitter, type MemoryOptions } from "./emit/memory.ts";
export { noopEmitter } from "./emit/noop.ts";
export { toBusinessEvents } from "./event/dialects/business/business.ts";
export {
  BusinessEvent,
  businessEvent,
  parseBusinessEvent,
  systemScope,
  userScope,
} from "./event/dialects/business/business-event.ts";
export { type BusinessPayload, type EventScope, eventTypes } from "./event/dialects/business/names.ts";
export type {
  LifecycleEmitter,
  LLMGenerationError,
  LLMGenerationSuccess,
  LLMInitializationError,
  LLMInitializationStart,
  LLMInitializationSuccess,
  LLMMetadata,
  ToolCallDetected,
} from "./event/dialects/lifecycle/lifecycle-event.ts";
export { encodeStreamEvent, parseStreamEvent } from "./event/dialects/stream/codec.ts";
export { validateStreamEvent } from "./event/dialects/stream/form.ts";
export {
  contentEndEvent,
  contentStartEvent,
  errorEvent,
  messageStartEvent,
  messageStopEvent,
  parseEventType,
  STREAM_EVENT_TYPES,
  type StreamEvent,
  type StreamEventType,
  streamEvent,
  textDeltaEvent,
  thinkingEvent,
  usageEvent,
} from "./event/dialects/stream/stream-event.ts";
export type {
  Cost,
  Event,
  Json,
  JsonObject,
  Origin,
  Run,
  RunDelta,
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
export type { EventFault } from "./event/fields.ts";
export { CUSTOM_KIND_CODE, KIND_CODES, type Kind, kindCode, matchesKind } from "./event/kinds.ts";
export type { IncomingEvent } from "./event/validate.ts";
export type { ActiveRun, RunFacts, RunOptions } from "./run/active-run.ts";
export { currentRun } from "./run/context.ts";
export { startRun, withRun } from "./run/run.ts";
export { fromIterable } from "./stream/bridges/from-iterable.ts";
export { fromOpenAI, type OpenAIChunks } from "./stream/bridges/from-openai.ts";
export { toNodeReadable, toNodeWritable } from "./stream/bridges/node.ts";
export type { PumpOptions } from "./stream/bridges/pump.ts";
export { type SseServerResponse, sendSse } from "./stream/bridges/send-sse.ts";
export type { ChunkSource } from "./stream/bridges/source.ts";
export type { SseOptions } from "./stream/bridges/sse-feed.ts";
export { toSseResponse } from "./stream/bridges/sse-response.ts";
export { type LastEventId, SSE_END } from "./stream/bridges/sse-text.ts";
export { toReadableStream, toWritableStream } from "./stream/bridges/web.ts";
export type { Joined } from "./stream/coalesce.ts";
export {
  isInvalidEvent,
  isStreamClosed,
  isStreamFull,
  isStreamNotFound,
  StreamError,
  type StreamErrorCode,
  type StreamOperation,
} from "./stream/errors.ts";
export {
  createEventStream,
  type EventStream,
  type EventStreamOptions,
  type SubscribeOptions,
} from "./stream/event-stream.ts";
export type { Gap } from "./stream/gap.ts";
export {
  createStreamManager,
  type StreamInfo,
  type StreamManager,
  type StreamManagerOptions,
  type StreamOptions,
} from "./stream/manager.ts";
export type { Policy, PolicyName } from "./stream/policy.ts";
export type { SendOptions } from "./stream/senders.ts";
export type { Subscription } from "./stream/subscription.ts";
export type { OnUncaptured, UncapturedReason } from "./wrap/openai/call.ts";
export type { OpenAIClient } from "./wrap/openai/client.ts";
export { type ObserveOptions, observe } from "./wrap/openai/observe.ts";
