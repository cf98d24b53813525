import { StreamError } from "./errors.ts";

/** What `send` refuses with: what happened, and what to do. */
export function streamClosed(streamId: string): StreamError {
  const message = `Stream "${streamId}" is closed, and the event was not sent. Look at isClosed before you send.`;
  return new StreamError({ streamId, operation: "send", code: "closed", message });
}

export function streamFull(streamId: string, unread: number, capacity: number): StreamError {
  const message =
    `Stream "${streamId}" is full, and the event was not sent: ${unread} events of ${capacity} wait to be read. ` +
    "Read faster, raise capacity, or choose a policy that waits or drops the oldest.";
  return new StreamError({ streamId, operation: "send", code: "full", message });
}

export function notAnEvent(streamId: string, item: unknown): StreamError {
  const message =
    `Stream "${streamId}": ${nameOf(item)} is not an event, and was not sent. ` +
    'Send an object, such as textDeltaEvent("…").';
  return new StreamError({ streamId, operation: "send", code: "invalid", message });
}

export function sendAborted(streamId: string, reason: unknown): StreamError {
  const message = `Stream "${streamId}": the signal was aborted, and the event was not sent.`;
  return new StreamError({ streamId, operation: "send", code: "aborted", message, cause: reason });
}

export function sendTimedOut(streamId: string, timeoutMs: number): StreamError {
  const message =
    `Stream "${streamId}": there was no room within ${timeoutMs} ms, and the event was not sent. ` +
    "A subscriber is slow: raise timeoutMs or capacity, or choose a policy that drops.";
  return new StreamError({ streamId, operation: "send", code: "timeout", message });
}

/** What came instead of an object, without what may be secret in it. */
function nameOf(item: unknown): string {
  if (item === null || item === undefined) return String(item);
  return typeof item === "string" ? `a string of ${item.length} characters` : `a ${typeof item}`;
}
