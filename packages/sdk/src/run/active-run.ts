import type { StreamEvent } from "../event/dialects/stream/stream-event.ts";
import type { Json, JsonObject, Run, RunType, Scope, Session, ToolCall } from "../event/event.ts";

/**
 * A run that is going on: a call of a model, a tool, an agent. It emits `run.started` when it is made and
 * exactly one complete `run.ended`, whichever of `end`, `fail` and `cancel` comes first. Every method returns
 * at once and never throws, whatever it is given. Times come from a monotonic clock: no end is before its
 * start.
 */
export interface ActiveRun {
  readonly id: string;
  readonly parentRunId?: string;
  /** 32 hexadecimal digits, the same for all runs of a tree. */
  readonly traceId: string;
  /** The header that makes spans of OpenTelemetry, and runs elsewhere, children of this run. */
  readonly traceparent: string;
  readonly scope?: Scope;
  readonly session?: Session;
  readonly isEnded: boolean;
  /** Calls that came after the end and changed nothing. */
  readonly ignored: number;
  /** Events that could not be made of what was given, or that the emitter threw at. */
  readonly uncaptured: number;
  /** Starts a run below this one, with its trace, scope and session. */
  child(options: RunOptions): ActiveRun;
  /**
   * A piece of the answer. The first one marks the first token. Goes to the run's `stream` and nowhere else:
   * pieces are for watching and are never stored.
   */
  delta(piece?: string | StreamEvent): void;
  /** The model asks for a tool. Running it is a run of its own. */
  toolCall(tool: ToolCall): void;
  /** A judgement, by somebody or something. May come after the end. */
  score(data: Json): void;
  /** Ends the run, `ok` unless the facts say otherwise. */
  end(facts?: RunFacts): void;
  /** Ends it with an error: anything that can be thrown. */
  fail(thrown: unknown, facts?: RunFacts): void;
  /** Ends it as given up on purpose. */
  cancel(reason?: string, facts?: RunFacts): void;
}

/** What there is to say of a run: all of `run` but what the run itself knows. */
export type RunFacts = {
  readonly [Name in keyof Run as Name extends "type" | "writer" | "startTime" ? never : Name]?: Run[Name];
};

export interface RunOptions extends RunFacts {
  readonly type: RunType | (string & {});
  /** A UUIDv7 unless given. */
  readonly id?: string;
  /**
   * The run above, or the `traceparent` header of whoever called; null for none. Unless given, the run that
   * `withRun` has opened around this code.
   */
  readonly parent?: ActiveRun | string | null;
  /** Scope and session are the parent's unless given. */
  readonly scope?: Scope;
  readonly session?: Session;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  /** Where `delta` sends its pieces: an EventStream, or anything that takes an item or refuses it at once. */
  readonly stream?: { trySend(item: StreamEvent): boolean };
}
