import type { RunError, RunStatus } from "../event/event.ts";
import type { Reading } from "./provider.ts";

/** How a call ended, as its run says it. */
export interface Conclusion {
  readonly status: RunStatus;
  readonly reason?: string;
  readonly error?: RunError;
}

/** How the connection of a call ended, seen from where it was captured. */
export type CallEnding =
  | { readonly by: "done" }
  /** The application gave up, or went away; `client_gone` unless it is known better. */
  | { readonly by: "client"; readonly reason?: string }
  | { readonly by: "fault"; readonly fault: CallFault; readonly hadAnswer: boolean };

/** Why a call could not be carried through. What the provider answers, error or not, is no fault. */
export interface CallFault {
  /** Stable, for programs: the run's `reason`. */
  readonly reason: string;
  readonly message: string;
  /** The system's own code, for people. */
  readonly code?: string;
  /** What the application was answered instead, where somebody did. */
  readonly httpStatus?: number;
}

export interface EndedCall {
  readonly ending: CallEnding;
  /** Of the provider's answer; undefined when none came. */
  readonly httpStatus: number | undefined;
  /** Undefined when there was no answer, or none that could be decoded. */
  readonly reading: Reading | undefined;
  readonly isStream: boolean;
}

/**
 * Exactly one status for whatever ends a call. What the provider has said counts before how the connection
 * ended: an answer that is complete is ok even if the client hung up after the last byte that mattered.
 */
export function conclude(ended: EndedCall): Conclusion {
  const { ending, httpStatus, reading } = ended;
  if (httpStatus !== undefined && httpStatus >= 300) return refused(httpStatus, reading, ending);
  if (reading?.error !== undefined) {
    return { status: "error", reason: "upstream_error", error: reading.error };
  }
  if (reading?.isComplete === true && httpStatus !== undefined) return { status: "ok" };
  switch (ending.by) {
    case "client":
      return { status: "cancelled", reason: ending.reason ?? CLIENT_GONE };
    case "fault": {
      const { reason, message, code, httpStatus: status } = ending.fault;
      const error = { message, type: reason, ...(code !== undefined && { code }) };
      if (ending.hadAnswer) return { status: "incomplete", reason, error };
      return { status: "error", reason, error: { ...error, ...(status !== undefined && { status }) } };
    }
    case "done":
      if (reading === undefined) return { status: "incomplete", reason: "undecodable" };
      return { status: "incomplete", reason: ended.isStream ? "truncated" : "unreadable" };
  }
}

const CLIENT_GONE = "client_gone";

/** The provider said no, or sent somewhere else. Its own error if it gave one, else what the status says. */
function refused(httpStatus: number, reading: Reading | undefined, ending: CallEnding): Conclusion {
  if (ending.by === "client" && reading?.error === undefined) {
    return { status: "cancelled", reason: ending.reason ?? CLIENT_GONE };
  }
  const error = reading?.error ?? { message: `The provider answered with status ${httpStatus}.` };
  return { status: "error", reason: "upstream_error", error: { ...error, status: httpStatus } };
}
