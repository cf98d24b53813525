import type { RunError, RunResponse, RunType, ToolCall, Usage } from "../event/event.ts";

/**
 * What one provider's wire format means. The proxy and the SDK's wrappers share it, so that both capture the
 * same run.
 */
export interface Provider {
  /** As OpenTelemetry's gen_ai.provider.name spells it. */
  readonly name: string;
  /** The operation that a request path (query and all) asks for; undefined: nothing that is captured. */
  operation(path: string): Operation | undefined;
}

export interface Operation {
  /** chat, completion, embeddings, responses. */
  readonly name: string;
  readonly runType: RunType;
  /** The member of a request that is its input. What is not input, model or stream is a parameter. */
  readonly inputMember: string;
  /**
   * Reads a JSON answer. Never throws: what is no JSON of this provider gives a reading that is not complete.
   */
  readBody(body: ResponseBody): Reading;
  /** Opens a reader for a streamed answer that keeps at most `charsMax` characters of output. */
  openStream(charsMax: number): StreamReader;
}

/**
 * A JSON answer. One that was longer than what is kept has its first and its last part: usage stands at the
 * end.
 */
export interface ResponseBody {
  readonly text: string;
  readonly tail?: string;
}

export interface StreamReader {
  /**
   * Takes the next piece of the stream, cut anywhere between two characters. Never throws for what a provider
   * can send.
   */
  feed(text: string): void;
  /** True from the first token on, be it text, reasoning or a tool call. */
  readonly hasContent: boolean;
  /** The stream is over, for whatever reason: what it said until here. */
  end(): Reading;
}

export interface Reading {
  /** False: it ended before the provider had said that it was done. */
  readonly isComplete: boolean;
  /** More was said than is kept. */
  readonly isCut: boolean;
  readonly response?: RunResponse;
  readonly usage?: Usage;
  readonly error?: RunError;
  /** What the model asked for, in its order. */
  readonly toolCalls: readonly ToolCall[];
}
