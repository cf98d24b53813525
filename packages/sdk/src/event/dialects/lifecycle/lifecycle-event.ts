import type { Json } from "../../event.ts";

/*
 * The six events as an application sees them: the payload's own fields, typed, without `event_type`. What is
 * not known is left out; nothing here has a default. Fields that are not named pass through as they are.
 */

/** What is known about a call besides; every field may be missing, and `custom_fields` holds text. */
export interface LLMMetadata {
  readonly model_version?: string;
  readonly max_tokens?: number;
  readonly top_p?: number;
  readonly frequency_penalty?: number;
  readonly presence_penalty?: number;
  readonly stop_sequences?: readonly string[];
  readonly user?: string;
  readonly custom_fields?: { readonly [name: string]: string };
  readonly [unknown: string]: Json | undefined;
}

/** What all six say. */
interface LifecycleEvent {
  /** `openai`, `anthropic` … Missing only where nobody knows it, as with `model_id`. */
  readonly provider?: string;
  /** The model that was asked for. */
  readonly model_id?: string;
  /** The same for everything that belongs together. Empty: none. */
  readonly trace_id?: string;
  readonly metadata?: LLMMetadata;
  /** Of this very event: sent twice, it is stored once. Without one, each event is a new fact. */
  readonly id?: string;
  readonly [unknown: string]: Json | undefined;
}

/** A model client is about to be set up. */
export interface LLMInitializationStart extends LifecycleEvent {
  readonly temperature?: number;
}

/** A model client is ready. */
export interface LLMInitializationSuccess extends LifecycleEvent {
  /** `text_generation`, `tool_calling`, `streaming`, or any other. */
  readonly capabilities?: readonly string[] | string;
}

/** A model client could not be set up. */
export interface LLMInitializationError extends LifecycleEvent {
  /** What was tried: `llm_initialization`. */
  readonly operation?: string;
  readonly error?: string;
}

interface LLMGeneration extends LifecycleEvent {
  /** `llm_generation`, `embedding`, or any other. */
  readonly operation?: string;
  readonly messages_count?: number;
  readonly temperature?: number;
  /** The text of the messages that were sent. */
  readonly message_content?: string;
}

/** A model has answered. */
export interface LLMGenerationSuccess extends LLMGeneration {
  /** Of the answer's text, in bytes of UTF-8. */
  readonly response_length?: number;
  readonly choices_count?: number;
}

/** A model has not answered, or not to the end. */
export interface LLMGenerationError extends LLMGeneration {
  readonly error?: string;
}

/** A model asks for a tool: one event for each call. */
export interface ToolCallDetected extends LifecycleEvent {
  readonly tool_call_id?: string;
  readonly tool_name: string;
  /** As the model wrote them, which need not be valid JSON. */
  readonly arguments?: string;
}

/**
 * Whoever wants to hear of a model's life: one method for each event, each with one object. A method may
 * return a promise; whoever calls does not wait for it.
 */
export interface LifecycleEmitter {
  emitLLMInitializationStart(event: LLMInitializationStart): void | Promise<void>;
  emitLLMInitializationSuccess(event: LLMInitializationSuccess): void | Promise<void>;
  emitLLMInitializationError(event: LLMInitializationError): void | Promise<void>;
  emitLLMGenerationSuccess(event: LLMGenerationSuccess): void | Promise<void>;
  emitLLMGenerationError(event: LLMGenerationError): void | Promise<void>;
  emitToolCallDetected(event: ToolCallDetected): void | Promise<void>;
}
