export type {
  Event,
  Json,
  JsonObject,
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
