import type { Emitter } from "../emit/emitter.ts";
import type { StreamEvent } from "../event/dialects/stream/stream-event.ts";
import { textDeltaEvent } from "../event/dialects/stream/stream-event.ts";
import type { Json, JsonObject, Run, RunType, Scope, Session, ToolCall } from "../event/event.ts";
import { checkId } from "../event/fields.ts";
import { deriveId } from "../event/ids.ts";
import { NAME_CHARS_MAX } from "../event/limits.ts";
import { endId, type IncomingEvent } from "../event/validate.ts";
import { currentRun, runInside } from "./context.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { isAbort, runErrorOf } from "./run-error.ts";
import { snapshot } from "./snapshot.ts";
import { formatTraceparent, parseTraceparent, SAMPLED } from "./traceparent.ts";

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

/**
 * Starts a run and emits its `run.started`. What is given is copied: it may be changed afterwards. Never
 * throws; an id or a parent that is none is left out.
 */
export function startRun(emitter: Emitter, options: RunOptions, machine: Machine = thisMachine): ActiveRun {
  try {
    return new EmittingRun(emitter, options, machine, 0);
  } catch {
    // The application's options cannot be read. It gets its run, which says what is left: that there was one.
    return new EmittingRun(emitter, { type: "unknown" }, machine, 1);
  }
}

/**
 * Runs `action` inside a run: what it starts finds this run as its parent. The run ends as `action` does, ok,
 * error, or cancelled for an abort, unless it has ended the run itself; its result or error is passed on
 * untouched.
 */
export async function withRun<Result>(
  emitter: Emitter,
  options: RunOptions,
  action: (run: ActiveRun) => Result | Promise<Result>,
  machine: Machine = thisMachine,
): Promise<Result> {
  const run = startRun(emitter, options, machine);
  try {
    const result = await runInside(run, () => action(run));
    if (!run.isEnded) run.end();
    return result;
  } catch (thrown) {
    if (!run.isEnded && isAbort(thrown)) run.cancel("aborted");
    else if (!run.isEnded) run.fail(thrown);
    throw thrown;
  }
}

class EmittingRun implements ActiveRun {
  readonly id: string;
  readonly parentRunId?: string;
  readonly traceId: string;
  readonly scope?: Scope;
  readonly session?: Session;
  readonly #emitter: Emitter;
  readonly #machine: Machine;
  readonly #stream: RunOptions["stream"];
  readonly #traceFlags: number;
  readonly #startMs: number;
  readonly #startedAtMs: number;
  /** The members that every event of the run has. */
  readonly #envelope: Omit<IncomingEvent, "kind">;
  readonly #run: Run;
  /** What no fact replaces. */
  readonly #own: Pick<Run, "type"> & { readonly writer: string; readonly startTime: string };
  #firstTokenTime: string | undefined;
  #tools = 0;
  isEnded = false;
  ignored = 0;
  uncaptured: number;

  constructor(emitter: Emitter, options: RunOptions, machine: Machine, uncaptured: number) {
    const { type, id, parent, scope, session, tags, metadata, stream, ...facts } = options;
    const { clock, ids, writer } = machine;
    this.#emitter = emitter;
    this.#machine = machine;
    this.#stream = stream;
    this.uncaptured = uncaptured;
    this.#startMs = clock.nowMs();
    this.#startedAtMs = clock.monotonicMs();
    this.id = typeof id === "string" && checkId(id, "id") === undefined ? id : ids.uuidv7();
    const above = aboveOf(parent);
    this.traceId = above.traceId ?? ids.uuidv7().replaceAll("-", "");
    this.#traceFlags = above.flags;
    if (above.runId !== undefined) this.parentRunId = above.runId;
    const ownScope = snapshot(scope) ?? above.scope;
    const ownSession = snapshot(session) ?? above.session;
    if (ownScope !== undefined) this.scope = ownScope;
    if (ownSession !== undefined) this.session = ownSession;
    this.#envelope = {
      ...(ownScope !== undefined && { scope: ownScope }),
      runId: this.id,
      ...(above.runId !== undefined && { parentRunId: above.runId }),
      ...(above.spanId !== undefined && { parentSpanId: above.spanId }),
      traceId: this.traceId,
      ...(ownSession !== undefined && { session: ownSession }),
      ...(isGiven(tags) && { tags: snapshot(tags) }),
      ...(isGiven(metadata) && { metadata: snapshot(metadata) }),
    };
    const startTime = new Date(this.#startMs).toISOString();
    this.#own = { type: clip(type) ?? "unknown", writer, startTime };
    this.#run = { ...factsOf(facts), ...this.#own };
    this.#emit({ id: ids.uuidv7(), kind: "run.started", time: startTime, ...this.#envelope, run: this.#run });
  }

  get traceparent(): string {
    const { traceId } = this;
    return formatTraceparent({ traceId, spanId: spanIdOf(this.id), flags: this.#traceFlags });
  }

  child(options: RunOptions): ActiveRun {
    try {
      return startRun(this.#emitter, { ...options, parent: this }, this.#machine);
    } catch {
      // Options that cannot be read, as in startRun.
      return new EmittingRun(this.#emitter, { type: "unknown", parent: this }, this.#machine, 1);
    }
  }

  delta(piece?: string | StreamEvent): void {
    if (this.#isLate()) return;
    this.#firstTokenTime ??= this.#now();
    if (piece === undefined) return;
    this.#safely(() => this.#stream?.trySend(typeof piece === "string" ? textDeltaEvent(piece) : piece));
  }

  toolCall(tool: ToolCall): void {
    if (this.#isLate()) return;
    const id = deriveId(this.id, `tool:${this.#tools++}`);
    this.#safely(() => {
      const { id: toolId, name, ...rest } = snapshot(tool);
      const asked = { ...named("id", toolId), name: clip(name) ?? "unknown", ...rest };
      this.#emit({
        id,
        kind: "tool.called",
        time: this.#now(),
        ...this.#envelope,
        tool: asked,
        ...this.#model(),
      });
    });
  }

  score(data: Json): void {
    const id = this.#machine.ids.uuidv7();
    this.#emit({ id, kind: "run.scored", time: this.#now(), ...this.#envelope, data });
  }

  end(facts?: RunFacts): void {
    this.#conclude({ status: "ok" }, facts);
  }

  fail(thrown: unknown, facts?: RunFacts): void {
    this.#conclude({ status: "error", error: runErrorOf(thrown) }, facts);
  }

  cancel(reason?: string, facts?: RunFacts): void {
    this.#conclude({ status: "cancelled", ...(typeof reason === "string" && { reason }) }, facts);
  }

  #conclude(outcome: RunFacts, facts: RunFacts | undefined): void {
    if (this.#isLate()) return;
    this.isEnded = true;
    const time = this.#now();
    let said: RunFacts = {};
    this.#safely(() => {
      said = factsOf({ ...facts });
    });
    const firstTokenTime = this.#firstTokenTime;
    const run = {
      ...this.#run,
      ...(firstTokenTime !== undefined && { firstTokenTime }),
      ...outcome,
      ...said,
      ...this.#own,
    };
    this.#emit({ id: endId(this.id), kind: "run.ended", time, ...this.#envelope, run });
  }

  /** Provider and model, on a tool call, so that whoever writes it down needs no memory of its run. */
  #model(): { readonly data?: JsonObject } {
    const { provider, request } = this.#run;
    const model = request?.model;
    if (provider === undefined && model === undefined) return {};
    return {
      data: { ...(provider !== undefined && { provider }), ...(model !== undefined && { model_id: model }) },
    };
  }

  #isLate(): boolean {
    if (this.isEnded) this.ignored++;
    return this.isEnded;
  }

  #now(): string {
    const elapsedMs = Math.max(0, this.#machine.clock.monotonicMs() - this.#startedAtMs);
    return new Date(this.#startMs + elapsedMs).toISOString();
  }

  #emit(event: IncomingEvent): void {
    this.#safely(() => this.#emitter.emit(event));
  }

  /** What the application has given us to call, or to read, may throw; it must not learn of it that way. */
  #safely(action: () => void): void {
    try {
      action();
    } catch {
      this.uncaptured++;
    }
  }
}

/** The 16 digits that stand for a run where spans are meant. Version 5 of the UUID keeps them from being 0. */
function spanIdOf(runId: string): string {
  return deriveId(runId, "span").replaceAll("-", "").slice(0, 16);
}

interface Above {
  readonly runId?: string;
  readonly spanId?: string;
  readonly traceId?: string;
  readonly flags: number;
  readonly scope?: Scope;
  readonly session?: Session;
}

/** What a run has from the one above it. */
function aboveOf(parent: RunOptions["parent"]): Above {
  if (typeof parent === "string") return parseTraceparent(parent) ?? { flags: SAMPLED };
  const run = parent === undefined ? currentRun() : parent;
  const trace = parseTraceparent(run?.traceparent);
  if (run === undefined || run === null || trace === undefined) return { flags: SAMPLED };
  const { id: runId, scope, session } = run;
  const { traceId, flags } = trace;
  return {
    ...{ runId, traceId, flags },
    ...(scope !== undefined && { scope }),
    ...(session !== undefined && { session }),
  };
}

/**
 * A copy of the facts. Names longer than an event may hold are cut, and empty ones left out: a call is not
 * lost because its model has a silly name.
 */
function factsOf(facts: RunFacts): RunFacts {
  const { name, request, ...rest } = snapshot(facts);
  if (request === undefined) return { ...named("name", name), ...rest };
  const { model, ...asked } = request;
  return { ...named("name", name), ...rest, request: { ...named("model", model), ...asked } };
}

/** Who says null has nothing to say; as a member of an event it would be refused, and the event with it. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function named<Name extends string>(key: Name, value: unknown): { readonly [key in Name]?: string } {
  const text = clip(value);
  return text === undefined ? {} : ({ [key]: text } as { readonly [key in Name]: string });
}

function clip(name: unknown): string | undefined {
  return typeof name === "string" && name !== "" ? name.slice(0, NAME_CHARS_MAX) : undefined;
}
