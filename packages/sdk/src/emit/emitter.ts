import type { IncomingEvent } from "../event/validate.ts";

/**
 * Where an application hands its events to. An emitter belongs to whoever made it, and loses nothing
 * silently: what it cannot take or deliver it reports as a drop.
 */
export interface Emitter {
  /** Takes the event and returns at once. Never throws, never blocks; the event may be changed afterwards. */
  emit(event: IncomingEvent): void;
  /**
   * Resolves when everything emitted before the call is with the writer or was dropped, or when `signal`
   * aborts. An emitter that tries again what its writer refused resolves when it was refused just now.
   */
  flush(signal?: AbortSignal): Promise<void>;
  /** Flushes and releases everything. Idempotent. Events emitted afterwards are dropped. */
  close(): Promise<void>;
}
