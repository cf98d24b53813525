import type { RunError, RunStatus } from "@sluice/sdk";
import type { Reading } from "@sluice/sdk/internal";
import type { Ending } from "./exchange.ts";

/** How a call ended, as its run says it. */
export interface Conclusion {
  readonly status: RunStatus;
  readonly reason?: string;
  readonly error?: RunError;
}

export interface Ended {
  readonly ending: Ending;
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
export function conclude(ended: Ended): Conclusion {
  const { ending, httpStatus, reading } = ended;
  if (httpStatus !== undefined && httpStatus >= 300) return refused(httpStatus, reading, ending);
  if (reading?.error !== undefined) {
    return { status: "error", reason: "upstream_error", error: reading.error };
  }
  if (reading?.isComplete === true && httpStatus !== undefined) return { status: "ok" };
  switch (ending.by) {
    case "client":
      return { status: "cancelled", reason: "client_gone" };
    case "fault": {
      const { reason, message, code, httpStatus: status } = ending.fault;
      const error = { message, type: reason, ...(code !== undefined && { code }) };
      if (ending.hadAnswer) return { status: "incomplete", reason, error };
      return { status: "error", reason, error: { ...error, status } };
    }
    case "done":
      if (reading === undefined) return { status: "incomplete", reason: "undecodable" };
      return { status: "incomplete", reason: ended.isStream ? "truncated" : "unreadable" };
  }
}

/** The provider said no, or sent somewhere else. Its own error if it gave one, else what the status says. */
function refused(httpStatus: number, reading: Reading | undefined, ending: Ending): Conclusion {
  if (ending.by === "client" && reading?.error === undefined) {
    return { status: "cancelled", reason: "client_gone" };
  }
  const error = reading?.error ?? { message: `The provider answered with status ${httpStatus}.` };
  return { status: "error", reason: "upstream_error", error: { ...error, status: httpStatus } };
}
