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
export { CUSTOM_KIND_CODE, KIND_CODES, type Kind, kindCode } from "./event/kinds.ts";
