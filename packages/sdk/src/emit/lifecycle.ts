import { known } from "../event/dialects/foreign.ts";
import { fromLifecyclePayload, toLifecyclePayload } from "../event/dialects/lifecycle/lifecycle.ts";
import type { LifecycleEmitter } from "../event/dialects/lifecycle/lifecycle-event.ts";
import {
  isLifecycleEventType,
  LIFECYCLE_FIELDS,
  type LifecycleEventType,
  type LifecyclePayload,
} from "../event/dialects/lifecycle/names.ts";
import type { JsonObject } from "../event/event.ts";
import { createIds } from "../event/ids.ts";
import { checkEvent, type IncomingEvent } from "../event/validate.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { type Random, systemRandom } from "../system/random.ts";
import { dropTeller, messageOf, type OnDrop } from "./drop.ts";
import type { Emitter } from "./emitter.ts";
import { untilAborted } from "./until-aborted.ts";

/** What `fromLifecycle` may be told. */
export interface FromLifecycleOptions {
  /** Told of every event whose method is not there or failed. */
  readonly onDrop?: OnDrop;
}

/** What `toLifecycle` may be told. */
export interface ToLifecycleOptions {
  /** Told of every event that is not in the form of its method. What `emitter` drops, it tells itself. */
  readonly onDrop?: OnDrop;
  /** The machine's own, unless a test says otherwise. */
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * An emitter that calls a plain object's methods: any of the six, for initialisations, ends of LLM and
 * embedding runs, and tool calls. A method is called before `emit` returns, so what it does costs the
 * application that time; if it returns a promise, `flush` and `close` wait for it. A method that throws or
 * rejects reaches nobody but `onDrop` (reason `threw`); an event whose method the object lacks is dropped as
 * `no_form`. What the six have no word for (the start of a run, a tool's run, a custom event) is left out on
 * purpose, which is no drop.
 */
export function fromLifecycle(
  methods: Partial<LifecycleEmitter>,
  options: FromLifecycleOptions = {},
): Emitter {
  return new LifecycleMethods(methods, options.onDrop);
}

/**
 * The six methods over any emitter: each makes an event of what it is given and emits it at once. They never
 * throw: an object that is not in the form, or cannot be read, is dropped as `invalid`.
 */
export function toLifecycle(emitter: Emitter, options: ToLifecycleOptions = {}): LifecycleEmitter {
  const { clock = systemClock, random = systemRandom, onDrop } = options;
  const drop = dropTeller(onDrop);
  const ids = createIds(clock, random);
  const mintId = () => ids.uuidv7();
  const read = (eventType: LifecycleEventType, fields: JsonObject) => {
    try {
      const now = new Date(clock.nowMs()).toISOString();
      const result = fromLifecyclePayload(payloadOf(eventType, fields), { now, mintId });
      if ("event" in result) return result.event;
      drop(1, "invalid", `${eventType}: ${result.fault.field} ${result.fault.detail}`);
    } catch (error) {
      // No object at all, or a getter that throws.
      drop(1, "invalid", `${eventType}: ${messageOf(error)}`);
    }
    return undefined;
  };
  const emit = (eventType: LifecycleEventType, fields: JsonObject) => {
    const event = read(eventType, fields);
    if (event !== undefined) emitter.emit(event);
  };
  return {
    emitLLMInitializationStart: (event) => emit("LLM_INITIALIZATION_START", event),
    emitLLMInitializationSuccess: (event) => emit("LLM_INITIALIZATION_SUCCESS", event),
    emitLLMInitializationError: (event) => emit("LLM_INITIALIZATION_ERROR", event),
    emitLLMGenerationSuccess: (event) => emit("LLM_GENERATION_SUCCESS", event),
    emitLLMGenerationError: (event) => emit("LLM_GENERATION_ERROR", event),
    emitToolCallDetected: (event) => emit("TOOL_CALL_DETECTED", event),
  };
}

/** In the order of the format, whatever the order in the caller's object; unknown fields at the end. */
function payloadOf(eventType: LifecycleEventType, fields: JsonObject): LifecyclePayload {
  const { event_type: _ours, ...rest } = fields;
  // The format has it always, empty for none.
  const given: JsonObject = { ...rest, trace_id: rest.trace_id ?? "" };
  const inOrder = LIFECYCLE_FIELDS[eventType].map((name) => [name, given[name]] as const);
  return known({ event_type: eventType, ...Object.fromEntries(inOrder), ...given });
}

const METHODS = {
  LLM_INITIALIZATION_START: "emitLLMInitializationStart",
  LLM_INITIALIZATION_SUCCESS: "emitLLMInitializationSuccess",
  LLM_INITIALIZATION_ERROR: "emitLLMInitializationError",
  LLM_GENERATION_SUCCESS: "emitLLMGenerationSuccess",
  LLM_GENERATION_ERROR: "emitLLMGenerationError",
  TOOL_CALL_DETECTED: "emitToolCallDetected",
} as const satisfies { readonly [eventType in LifecycleEventType]: keyof LifecycleEmitter };

/** What all six look like from here: each gets the payload that is its own. */
type Method = (event: JsonObject) => unknown;

class LifecycleMethods implements Emitter {
  readonly #methods: Partial<LifecycleEmitter>;
  readonly #drop: OnDrop;
  readonly #unfinished = new Set<Promise<void>>();
  #isClosed = false;

  constructor(methods: Partial<LifecycleEmitter>, onDrop: OnDrop | undefined) {
    this.#methods = methods;
    this.#drop = dropTeller(onDrop);
  }

  emit(event: IncomingEvent): void {
    if (this.#isClosed) {
      this.#drop(1, "closed");
      return;
    }
    const payload = this.#read(event);
    if (payload !== undefined) this.#call(payload);
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await untilAborted(Promise.all(this.#unfinished), signal);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
  }

  /** Undefined for what is none of the six, and, told, for what is no event. */
  #read(event: IncomingEvent): LifecyclePayload | undefined {
    try {
      const fault = checkEvent(event);
      if (fault === undefined) return toLifecyclePayload(event);
      this.#drop(1, "invalid", `${fault.field} ${fault.detail}`);
      return undefined;
    } catch (error) {
      // A getter that throws: the caller's object, and not worth the caller's process.
      this.#drop(1, "invalid", messageOf(error));
      return undefined;
    }
  }

  #call(payload: LifecyclePayload): void {
    const { event_type, ...fields } = payload;
    const name = String(event_type);
    // A type of its own, from a sender of this dialect, is none of the six either.
    if (!isLifecycleEventType(name)) return;
    try {
      const method = this.#methods[METHODS[name]] as Method | undefined;
      const outcome = method?.call(this.#methods, fields);
      if (method === undefined) this.#drop(1, "no_form", `there is no method for ${name}`);
      else if (isThenable(outcome)) this.#keepUntilDone(outcome);
    } catch (error) {
      this.#drop(1, "threw", messageOf(error));
    }
  }

  #keepUntilDone(outcome: PromiseLike<unknown>): void {
    const finished = Promise.resolve(outcome).then(
      () => {},
      (error) => this.#drop(1, "threw", messageOf(error)),
    );
    this.#unfinished.add(finished);
    void finished.then(() => this.#unfinished.delete(finished));
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
