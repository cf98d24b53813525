/**
 * Every failure of a stream: which stream, what was asked of it, and why it refused. `isStreamClosed` and
 * its neighbours tell them apart for those who catch `unknown`.
 */
export class StreamError extends Error {
  override readonly name = "StreamError";
  readonly streamId: string;
  readonly operation: StreamOperation;
  readonly #code: StreamErrorCode;

  constructor(refusal: StreamRefusal) {
    super(refusal.message, "cause" in refusal ? { cause: refusal.cause } : undefined);
    this.streamId = refusal.streamId;
    this.operation = refusal.operation;
    this.#code = refusal.code;
  }

  get code(): StreamErrorCode {
    return this.#code;
  }

  /**
   * The code of a StreamError, undefined for any other value. Asks no proxy, runs no getter, never throws.
   */
  static codeOf(value: unknown): StreamErrorCode | undefined {
    return typeof value === "object" && value !== null && #code in value ? value.#code : undefined;
  }
}

/**
 * `full`: no room, and the policy does not wait. `timeout`, `aborted`: it waited for room, and was told to
 * stop; an abort has the signal's reason as `cause`. `invalid`: what was given is not an event.
 */
export type StreamErrorCode = "closed" | "full" | "not_found" | "exists" | "invalid" | "aborted" | "timeout";

/** What was being done when a stream refused. */
export type StreamOperation = "send" | "subscribe" | "create" | "get" | "close";

export interface StreamRefusal {
  readonly streamId: string;
  readonly operation: StreamOperation;
  readonly code: StreamErrorCode;
  readonly message: string;
  readonly cause?: unknown;
}

/** The stream was closed, before the call or while it waited. */
export function isStreamClosed(error: unknown): boolean {
  return StreamError.codeOf(error) === "closed";
}

/** There was no room, and the policy was not to wait for it. */
export function isStreamFull(error: unknown): boolean {
  return StreamError.codeOf(error) === "full";
}

/** No stream has that id. */
export function isStreamNotFound(error: unknown): boolean {
  return StreamError.codeOf(error) === "not_found";
}

/** What was sent is not an event. */
export function isInvalidEvent(error: unknown): boolean {
  return StreamError.codeOf(error) === "invalid";
}
