import type { Emitter } from "../../emit/emitter.ts";
import type { JsonObject, RunError, RunResponse, Scope, Session } from "../../event/event.ts";
import { type CallEnding, conclude } from "../../providers/conclude.ts";
import type { Reading } from "../../providers/provider.ts";
import type { ActiveRun, RunFacts } from "../../run/active-run.ts";
import { openRun } from "../../run/emitting-run.ts";
import type { Machine } from "../../run/machine.ts";
import { isAbort, runErrorOf } from "../../run/run-error.ts";
import { Answer } from "./answer.ts";
import { faultOf } from "./fault.ts";
import { type SentRequest, sentRequest, unsentRequest } from "./sent-request.ts";
import { type BodyEnd, tapResponse } from "./tapped-response.ts";

/** What all calls of one observed client share. */
export interface Capture {
  readonly emitter: Emitter;
  readonly provider: string;
  readonly machine: Machine;
  /** What the application wants to stand on every run. */
  readonly labels: Labels;
  readonly propagatesTrace: boolean;
  readonly onUncaptured: OnUncaptured;
}

export interface Labels {
  readonly scope?: Scope;
  readonly session?: Session;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
}

/**
 * Why something was not captured; the call went through all the same. `bug` is ours, `emitter` one that
 * threw, `body` a response that cannot be looked at, `client` one that cannot be observed.
 */
export type UncapturedReason = "bug" | "emitter" | "body" | "client";
/** Told once for each thing that was not captured; `detail` is a sentence for people. Returns at once. */
export type OnUncaptured = (reason: UncapturedReason, detail: string) => void;

/**
 * One call of the application, which is one run, however often the client tries.
 *
 *     new ──first attempt──▶ started ──the client has settled, and the last body is over──▶ ended
 *      └──the client fails before it sends──▶ started and ended at once
 *
 * The client settles when it has an answer that it will not try to better, or gives up; until then
 * (`#unsettled` > 0) no ending of an attempt is the ending of the run. Nothing here throws into the client.
 */
export class Call {
  readonly #capture: Capture;
  /** What the client was asked for: tells who has aborted. */
  readonly #options: unknown;
  readonly #attempts: Attempt[] = [];
  #run: ActiveRun | undefined;
  #sent: SentRequest | undefined;
  #unsettled = 0;
  isEnded = false;

  constructor(capture: Capture, options?: unknown) {
    this.#capture = capture;
    this.#options = options;
  }

  /** Follows a piece of the client's work on this call, a request or a wait before the next. */
  async settles<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#unsettled++;
    try {
      const result = await work();
      this.#unsettled--;
      this.#guard(() => this.#settled());
      return result;
    } catch (thrown) {
      this.#unsettled--;
      this.#guard(() => this.#failed(thrown));
      throw thrown;
    }
  }

  /** Passes one attempt on to `fetch`; what it resolves with, or rejects with, is what `fetch` did. */
  fetch(
    fetch: typeof globalThis.fetch,
    input: string | URL | Request,
    init?: RequestInit,
  ): Promise<Response> {
    let attempt: Attempt | undefined;
    let sentInit = init;
    this.#guard(() => {
      const sent = sentRequest(input, init);
      if (sent === undefined) return;
      attempt = this.#begin(sent);
      sentInit = this.#withTrace(init);
    });
    if (attempt === undefined) return fetch(input, init);
    return this.#follow(attempt, () => fetch(input, sentInit), init?.signal ?? undefined);
  }

  async #follow(
    attempt: Attempt,
    send: () => Promise<Response>,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    let response: Response;
    try {
      response = await send();
    } catch (thrown) {
      this.#guard(() => this.#over(attempt, this.#endingOf(thrown, false)));
      throw thrown;
    }
    let tapped: Response | undefined;
    this.#guard(() => {
      tapped = this.#answered(attempt, response, signal);
    });
    return tapped ?? response;
  }

  #begin(sent: SentRequest): Attempt {
    this.#run ??= this.#start(sent);
    const attempt: Attempt = {};
    this.#attempts.push(attempt);
    return attempt;
  }

  #start(sent: SentRequest): ActiveRun {
    const { emitter, provider, labels, machine } = this.#capture;
    const { operation, request, method, path } = sent;
    this.#sent = sent;
    const { runType: type, name } = operation;
    const facts = { provider, operation: name, request, http: { method, path } };
    return openRun(emitter, { type, name: request.model ?? name, ...facts, ...labels }, machine);
  }

  #withTrace(init: RequestInit | undefined): RequestInit | undefined {
    if (!this.#capture.propagatesTrace || this.#run === undefined) return init;
    const headers = new Headers(init?.headers);
    if (!headers.has("traceparent")) headers.set("traceparent", this.#run.traceparent);
    return { ...init, headers };
  }

  #answered(attempt: Attempt, response: Response, signal: AbortSignal | undefined): Response | undefined {
    if (this.#sent === undefined) return undefined;
    const answer = new Answer(this.#sent.operation, response);
    attempt.answer = answer;
    if (response.body === null) {
      this.#over(attempt, { by: "done" });
      return undefined;
    }
    const tap = {
      chunk: (bytes: Uint8Array) => this.#guard(() => this.#chunk(answer, bytes)),
      over: (end: BodyEnd) => this.#guard(() => this.#bodyOver(attempt, end)),
    };
    const tapped = tapResponse(response, tap, signal);
    if (tapped !== undefined) return tapped;
    this.#tell("body", `the body of the response is ${typeof response.body} and no ReadableStream`);
    this.#over(attempt, { by: "fault", fault: UNREADABLE, hadAnswer: true });
    return undefined;
  }

  #chunk(answer: Answer, bytes: Uint8Array): void {
    const hadContent = answer.hasContent;
    answer.add(bytes);
    if (!hadContent && answer.hasContent) this.#run?.delta();
  }

  #bodyOver(attempt: Attempt, end: BodyEnd): void {
    if (end.by === "done") this.#over(attempt, end);
    else if (end.by === "reader") this.#over(attempt, ABORTED);
    else if (!isAbort(end.error) || this.#isGivenUp(true))
      this.#over(attempt, this.#endingOf(end.error, true));
    else {
      // The client's time was up. Whether it asks again shows within this turn of the loop.
      attempt.ending = this.#endingOf(end.error, true);
      setImmediate(() => this.#guard(() => this.#settled()));
    }
  }

  #over(attempt: Attempt, ending: CallEnding): void {
    attempt.ending = ending;
    this.#settled();
  }

  /** An end that can be told: the client does nothing more, and the last attempt is over. */
  #settled(): void {
    const last = this.#attempts.at(-1);
    if (this.#unsettled === 0 && last?.ending !== undefined) this.#end(last, last.ending);
  }

  /** The client has given up. What it throws is the truth about an attempt that had no answer. */
  #failed(thrown: unknown): void {
    if (this.#unsettled > 0 || this.isEnded) return;
    if (this.#run === undefined) {
      const unsent = unsentRequest(this.#options);
      if (unsent !== undefined) this.#end(this.#begin(unsent), unsentEnding(this.#endingOf(thrown, false)));
      return;
    }
    const last = this.#attempts.at(-1);
    if (last === undefined) return;
    const isTold = last.answer !== undefined && last.ending !== undefined && !isAbort(thrown);
    this.#end(last, isTold && last.ending ? last.ending : this.#endingOf(thrown, last.answer !== undefined));
  }

  #endingOf(thrown: unknown, hadAnswer: boolean): CallEnding {
    if (!isAbort(thrown)) return { by: "fault", fault: faultOf(thrown), hadAnswer };
    // What the client throws says whose abort it was; what `fetch` throws does not.
    const isKnown = runErrorOf(thrown).type === "APIUserAbortError";
    return isKnown || this.#isGivenUp(hadAnswer) ? ABORTED : { by: "fault", fault: TIMED_OUT, hadAnswer };
  }

  /**
   * An abort is the application's, unless the client made it because its time was up. Once a stream has
   * begun, no time of the client's runs.
   */
  #isGivenUp(hadAnswer: boolean): boolean {
    const { signal, stream } = (this.#options ?? {}) as {
      readonly signal?: unknown;
      readonly stream?: unknown;
    };
    if (this.#options === undefined || (stream === true && hadAnswer)) return true;
    return signal instanceof AbortSignal && signal.aborted;
  }

  #end(last: Attempt, ending: CallEnding): void {
    if (this.isEnded) return;
    last.ending = ending;
    const { answer } = last;
    const reading = answer?.reading();
    for (const tool of reading?.toolCalls ?? []) this.#run?.toolCall(tool);
    this.#release(this.#facts(ending, answer, reading));
  }

  #facts(ending: CallEnding, answer: Answer | undefined, reading: Reading | undefined): RunFacts {
    const { httpStatus, requestId, isStream = false } = answer ?? {};
    const { status, reason, error } = conclude({ ending, httpStatus, reading, isStream });
    const secrets = status === "ok" ? [] : (this.#sent?.secrets ?? []);
    const { response, usage } = reading ?? {};
    const responseBytes = reading?.isCut === true ? answer?.sizeBytes : undefined;
    const requestBytes = this.#sent?.truncatedBytes;
    return {
      status,
      ...(reason !== undefined && { reason }),
      ...(response !== undefined && { response: without<RunResponse>(response, secrets) }),
      ...(usage !== undefined && { usage }),
      ...(error !== undefined && { error: without<RunError>(error, secrets) }),
      ...((requestBytes ?? responseBytes) !== undefined && {
        truncated: {
          ...(requestBytes !== undefined && { requestBytes }),
          ...(responseBytes !== undefined && { responseBytes }),
        },
      }),
      http: {
        ...(httpStatus !== undefined && { status: httpStatus }),
        ...(this.#sent !== undefined && { method: this.#sent.method, path: this.#sent.path }),
        ...(requestId !== undefined && { requestId }),
      },
      ...(this.#attempts.length > 1 && { attempts: this.#attempts.map(toldOf) }),
    };
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (bug) {
      this.#tell("bug", runErrorOf(bug).message);
      this.#release({ status: "incomplete", reason: "uncaptured" });
    }
  }

  /** The run is over; sockets may remember this call for as long as they live, so it keeps nothing. */
  #release(facts: RunFacts): void {
    this.isEnded = true;
    this.#run?.end(facts);
    const lost = this.#run?.uncaptured ?? 0;
    if (lost > 0) this.#tell("emitter", `The emitter threw at ${lost} events.`);
    this.#run = undefined;
    this.#sent = undefined;
    this.#attempts.length = 0;
  }

  #tell(reason: UncapturedReason, detail: string): void {
    this.#capture.onUncaptured(reason, detail);
  }
}

/** One request on the wire. */
interface Attempt {
  /** Undefined when none came. */
  answer?: Answer;
  /** Undefined while it goes on. */
  ending?: CallEnding;
}

const ABORTED: CallEnding = { by: "client", reason: "aborted" };
const TIMED_OUT = { reason: "timeout", message: "The client's time-out was over." };
const UNREADABLE = { reason: "unreadable_body", message: "The body was of a kind that cannot be looked at." };

/** What failed before there was a request says nothing of the provider. */
function unsentEnding(ending: CallEnding): CallEnding {
  return ending.by === "fault" ? { ...ending, fault: { ...ending.fault, reason: "unsent" } } : ending;
}

/** How an attempt stands in `run.attempts`. */
function toldOf({ answer, ending }: Attempt): JsonObject {
  if (answer !== undefined) return { status: answer.httpStatus };
  return { error: ending?.by === "fault" ? ending.fault.reason : "aborted" };
}

/** A provider that refuses a call may repeat the key that it was given; that must not come into an event. */
function without<Value>(value: Value, secrets: readonly string[]): Value {
  if (secrets.length === 0) return value;
  const json = JSON.stringify(value);
  const clean = secrets.reduce((text, secret) => text.replaceAll(secret, "[key]"), json);
  return clean === json ? value : JSON.parse(clean);
}
