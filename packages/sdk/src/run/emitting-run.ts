import type { Emitter } from "../emit/emitter.ts";
import { type StreamEvent, textDeltaEvent } from "../event/dialects/stream/stream-event.ts";
import type { Json, JsonObject, Run, Scope, Session, ToolCall } from "../event/event.ts";
import { checkId } from "../event/fields.ts";
import { deriveId } from "../event/ids.ts";
import { spanIdOf } from "../event/span-ids.ts";
import { endId, type IncomingEvent } from "../event/validate.ts";
import { aboveOf } from "./above.ts";
import type { ActiveRun, RunFacts, RunOptions } from "./active-run.ts";
import { clip, factsOf, named } from "./facts.ts";
import type { Machine } from "./machine.ts";
import { runErrorOf } from "./run-error.ts";
import { snapshot } from "./snapshot.ts";
import { formatTraceparent } from "./traceparent.ts";

/** `startRun` on a machine of the caller's. Never throws. */
export function openRun(emitter: Emitter, options: RunOptions, machine: Machine): ActiveRun {
  try {
    return new EmittingRun(emitter, options, machine, 0);
  } catch {
    // The application's options cannot be read. It gets its run, which says what is left: that there was one.
    return new EmittingRun(emitter, { type: "unknown" }, machine, 1);
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
      return openRun(this.#emitter, { ...options, parent: this }, this.#machine);
    } catch {
      // Options that cannot be read, as in openRun.
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

/** Who says null has nothing to say; as a member of an event it would be refused, and the event with it. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
