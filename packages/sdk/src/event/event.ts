/**
 * What an event is: one immutable fact about an LLM application. The wire form is JSON with exactly these
 * names; docs/spec/event.md is the contract. Unknown fields survive at every level, so each shape is open.
 */
export interface Event {
  /** Idempotency key on every hop. UUIDv7 when minted, UUIDv5 when derived, else the sender's own string. */
  readonly id: string;
  /** noun.verb, see `KINDS`; any other string is a custom event. */
  readonly kind: string;
  /** RFC 3339, UTC. For `run.ended` the end of the run. */
  readonly time: string;
  readonly scope?: Scope;
  /** The run this event belongs to. Required for `run.*` and `tool.called`. */
  readonly runId?: string;
  readonly parentRunId?: string;
  readonly traceId?: string;
  /** 16 hexadecimal digits: the span above a run, where that is no run, of a `traceparent` header. */
  readonly parentSpanId?: string;
  readonly session?: Session;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  /** Present on `run.started` and `run.ended`. */
  readonly run?: Run;
  /** Present on `tool.called`: what the model asked for. */
  readonly tool?: ToolCall;
  /** Whatever a custom kind carries; also a score, an initialisation, a cache hit. */
  readonly data?: Json;
  /** What is needed to write the event in the form it came in, when that was not this one. */
  readonly origin?: Origin;
  readonly [unknown: string]: unknown;
}

/** Kept by a dialect, so that foreign → canonical → foreign is the identity. */
export interface Origin {
  readonly dialect: string;
  /**
   * The foreign object's own keys in their order, where they are not the ones that the dialect writes by
   * itself.
   */
  readonly keys?: readonly string[];
  /** Foreign fields, verbatim, that the canonical event does not say, or says differently. */
  readonly rest?: JsonObject;
}

/** Any value that JSON can write. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
/** A JSON object; a member that is undefined is left out when it is written. */
export type JsonObject = { readonly [key: string]: Json | undefined };

/** Whom an event concerns: one user of the application, or the application itself. */
export type Scope =
  | { readonly kind: "user"; readonly id: string; readonly props?: JsonObject }
  | { readonly kind: "system" };

/** The conversation that an event belongs to, and the name it has at the connector it came through. */
export interface Session {
  readonly id?: string;
  readonly connector?: string;
  readonly nativeId?: string;
}

/** What a run is. An executed tool is a run of its own, of type `tool`. */
export type RunType = "llm" | "agent" | "chain" | "tool" | "retriever" | "embedding";
/** How a run ended. `incomplete`: nobody saw its end; `Run.reason` says why. */
export type RunStatus = "ok" | "error" | "cancelled" | "incomplete";

/**
 * One run. `run.started` has what is known at the start; a complete `run.ended` repeats it and adds the rest,
 * so that a sink needs no memory. A `run.ended` without `startTime` is a piece: the assembler joins it with
 * its start.
 */
export interface Run {
  readonly type: RunType | (string & {});
  /** For an LLM run the model that was asked for, else what the caller named it. */
  readonly name?: string;
  /** openai, anthropic … as OpenTelemetry's gen_ai.provider.name spells it. */
  readonly provider?: string;
  /** chat, completion, embeddings, responses … */
  readonly operation?: string;
  /** Boot id of the process that will write the complete end; absent when starts and ends come apart. */
  readonly writer?: string;
  readonly startTime?: string;
  readonly firstTokenTime?: string;
  readonly status?: RunStatus;
  /** Why, when status is not ok: crash, timeout, client_gone, upstream_reset, evicted … */
  readonly reason?: string;
  readonly request?: RunRequest;
  readonly response?: RunResponse;
  readonly usage?: Usage;
  /** Absent where a price or a count is not known, never 0 for that. */
  readonly cost?: Cost;
  readonly error?: RunError;
  /** Ids of the records that this end was made of. */
  readonly pieces?: readonly string[];
  /** 2 for an end that arrived after the assembler had closed the run. */
  readonly revision?: number;
  /** Which side was longer than what is kept, with its full size. */
  readonly truncated?: { readonly requestBytes?: number; readonly responseBytes?: number };
  readonly http?: {
    readonly status?: number;
    readonly method?: string;
    readonly path?: string;
    readonly requestId?: string;
  };
  /** Each try of a call that was tried again, in order: its HTTP status, or why none came. */
  readonly attempts?: readonly { readonly status?: number; readonly error?: string }[];
  readonly [unknown: string]: unknown;
}

/** What a run was asked. */
export interface RunRequest {
  readonly model?: string;
  /** Messages, a prompt, or whatever the run was given. */
  readonly input?: Json;
  /** The other parameters, with the provider's names: temperature, max_tokens, tools … */
  readonly params?: JsonObject;
  readonly stream?: boolean;
}

/** What a run answered, joined if it was streamed. */
export interface RunResponse {
  readonly id?: string;
  /** The model that answered, as the provider names it. */
  readonly model?: string;
  /** One message, or a list when there are several choices or output items; any JSON for other runs. */
  readonly output?: Json;
  readonly finishReasons?: readonly string[];
  /** Of an embeddings run, whose vectors are not kept: how many there were, and how long. */
  readonly count?: number;
  readonly dimensions?: number;
}

/** Disjoint buckets: nothing is counted twice. What the provider did not say is absent, never 0. */
export interface Usage {
  readonly input?: number;
  readonly cacheRead?: number;
  readonly cacheWrite5m?: number;
  readonly cacheWrite1h?: number;
  readonly output?: number;
  readonly reasoning?: number;
  readonly audioInput?: number;
  readonly audioOutput?: number;
  readonly source: "provider" | "counted" | "estimated";
  /** Why the buckets may not be what the provider meant, such as `total`: they do not add up to its sum. */
  readonly flags?: readonly string[];
  /** The provider's own usage object, untouched. */
  readonly raw?: JsonObject;
}

/** What a run cost, in US dollars by the prices of its day. A fee for the call itself is in the total alone. */
export interface Cost {
  readonly inputUsd?: number;
  readonly outputUsd?: number;
  readonly totalUsd: number;
  /** Whose prices they are: published ones, the configuration's, or the sender's own. */
  readonly prices: "table" | "override" | "sender";
  /** The usage was counted by us or contradicts itself, or the provider billed by another tariff. */
  readonly isEstimate?: boolean;
}

/** Why a run failed, in the words of whoever said so first. */
export interface RunError {
  readonly message: string;
  readonly type?: string;
  readonly code?: string;
  readonly stack?: string;
  /** HTTP status, when that is how it showed. */
  readonly status?: number;
}

/** A tool that the model asked for. Whether and how it was run is another run's story. */
export interface ToolCall {
  readonly id?: string;
  readonly name: string;
  /** As the model wrote them; providers send text that need not be valid JSON. */
  readonly arguments?: Json;
}

/**
 * `data` of a `run.delta`: what came of an answer since the delta before. It has one of `text`, `thinking`
 * and `toolCall`. For live viewing only; the whole stands in `run.ended`.
 */
export interface RunDelta {
  /** Which of several answers to one request, from 0. Absent: the only one. */
  readonly index?: number;
  readonly text?: string;
  /** What the model thinks before it answers. */
  readonly thinking?: string;
  readonly toolCall?: {
    /** Which of the answer's tool calls, from 0. */
    readonly index: number;
    /** On the first piece of a call. */
    readonly id?: string;
    readonly name?: string;
    /** A piece of the text of its arguments. */
    readonly arguments?: string;
  };
}
