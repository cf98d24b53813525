import { appendFileSync } from "node:fs";
import type {
  LifecycleEmitter,
  LLMGenerationError,
  LLMGenerationSuccess,
  LLMInitializationError,
  LLMInitializationStart,
  LLMInitializationSuccess,
  ToolCallDetected,
} from "@sluice/sdk";

/**
 * Writes each event to a file as it happens, for people to read: a line with the time (UTC) and the kind,
 * then the event as JSON. An entry is in the file when its method returns, so a program that crashes next
 * has lost none. A file that cannot be written is told on stderr and is no reason to fail a call.
 */
export class FileEventEmitter implements LifecycleEmitter {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  emitLLMInitializationStart(event: LLMInitializationStart): void {
    this.#write("INIT_START", { event_type: "LLM_INITIALIZATION_START", ...event });
  }

  emitLLMInitializationSuccess(event: LLMInitializationSuccess): void {
    this.#write("INIT_SUCCESS", { event_type: "LLM_INITIALIZATION_SUCCESS", ...event });
  }

  emitLLMInitializationError(event: LLMInitializationError): void {
    this.#write("INIT_ERROR", { event_type: "LLM_INITIALIZATION_ERROR", ...event });
  }

  emitLLMGenerationSuccess(event: LLMGenerationSuccess): void {
    this.#write("GENERATION_SUCCESS", { event_type: "LLM_GENERATION_SUCCESS", ...event });
  }

  emitLLMGenerationError(event: LLMGenerationError): void {
    this.#write("GENERATION_ERROR", { event_type: "LLM_GENERATION_ERROR", ...event });
  }

  emitToolCallDetected(event: ToolCallDetected): void {
    this.#write("TOOL_CALL_DETECTED", { event_type: "TOOL_CALL_DETECTED", ...event });
  }

  #write(tag: string, event: object): void {
    const time = new Date().toISOString().slice(0, 19).replace("T", " ");
    try {
      appendFileSync(this.#path, `[${time}] [EVENT: ${tag}]\n${JSON.stringify(event, null, 2)}\n\n`);
    } catch (error) {
      console.error(`The event ${tag} could not be written to ${this.#path}:`, error);
    }
  }
}
