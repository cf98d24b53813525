import type { Emitter } from "../../emit/emitter.ts";
import { fromLifecycle } from "../../emit/lifecycle.ts";
import { noopEmitter } from "../../emit/noop.ts";
import type { LifecycleEmitter } from "../../event/dialects/lifecycle/lifecycle-event.ts";
import type { JsonObject } from "../../event/event.ts";
import type { IncomingEvent } from "../../event/validate.ts";
import { currentRun } from "../../run/context.ts";
import { thisMachine } from "../../run/machine.ts";
import { runErrorOf } from "../../run/run-error.ts";
import type { Capture, Labels, OnUncaptured } from "./call.ts";
import { type OpenAIClient, observedClient } from "./client.ts";

/** What `observe` is told; scope, session, tags and metadata stand on every run. */
export interface ObserveOptions extends Labels {
  /** Where the events go: any emitter, or an object with any of the six lifecycle methods. */
  readonly emitter: Emitter | Partial<LifecycleEmitter>;
  /** As OpenTelemetry's gen_ai.provider.name spells it, for servers that speak OpenAI's language. */
  readonly provider?: string;
  /** What is told when the client is set up, where the application knows it: nothing here changes a call. */
  readonly setUp?: { readonly model?: string; readonly temperature?: number; readonly metadata?: JsonObject };
  /** Sends a `traceparent` header with each request, so that the server's spans join the trace. */
  readonly propagatesTrace?: boolean;
  /** Told of what could not be captured. The calls went through. What it throws is ignored. */
  readonly onUncaptured?: OnUncaptured;
}

/** What these clients can do, in the words of the lifecycle events. */
const CAPABILITIES = ["text_generation", "tool_calling", "streaming"];

/**
 * A client of the openai package that emits what it does. Use the returned one in place of the given one,
 * which is not touched:
 *
 *     const openai = observe(new OpenAI(), { emitter });
 *
 * Chat completions, completions, embeddings and responses become runs, streamed or not: `run.started` before
 * the request is sent; a `tool.called` for each tool that the model asks for and one `run.ended` when the
 * answer has been read, broken off or refused. All retries of a call are one run. Everything else passes
 * untouched.
 *
 * Requests and responses are never held, changed or read ahead of the application, and nothing that goes
 * wrong here reaches it: see `onUncaptured`. Parent and trace are those of the run around the call
 * (`withRun`). Usage is what the provider says; a streamed chat says it only if the application asks
 * (`stream_options`).
 *
 * Observed once is enough: a client that is observed already is returned as it is, and one whose requests go
 * through sluice's proxy is captured there.
 *
 * A function that makes the client may be given instead, so that a failure to do so (no key) is told as
 * `init.failed`; its error is thrown on. Nothing else throws.
 */
export function observe<Client extends OpenAIClient>(
  client: Client | (() => Client),
  options: ObserveOptions,
): Client {
  const { model, temperature, metadata } = options.setUp ?? {};
  const made = typeof client === "function" ? undefined : client;
  const provider = options.provider ?? providerOf(made);
  const capture = captureOf(options, provider);
  const tell = (kind: string, facts: JsonObject) => {
    const data = { provider, ...(model !== undefined && { model_id: model }), ...facts };
    emitInit(capture, { kind, scope: { kind: "system" }, data, ...(metadata !== undefined && { metadata }) });
  };
  tell("init.started", temperature === undefined ? {} : { temperature });
  try {
    const ready = typeof client === "function" ? client() : client;
    tell("init.succeeded", { capabilities: CAPABILITIES });
    return observedOr(ready, { ...capture, provider: options.provider ?? providerOf(ready) });
  } catch (thrown) {
    tell("init.failed", { operation: "llm_initialization", error: runErrorOf(thrown).message });
    throw thrown;
  }
}

/** A client that cannot be observed is used as it is: one with X.509 identities takes no other `fetch`. */
function observedOr<Client extends OpenAIClient>(client: Client, capture: Capture): Client {
  try {
    return observedClient(client, capture);
  } catch (thrown) {
    capture.onUncaptured("client", `The client cannot be observed: ${runErrorOf(thrown).message}`);
    return client;
  }
}

function captureOf(options: ObserveOptions, provider: string): Capture {
  const { emitter, scope, session, tags, metadata } = options;
  const onUncaptured: OnUncaptured = (reason, detail) => {
    try {
      options.onUncaptured?.(reason, detail);
    } catch {
      // The application has been told; what it does with it is its own affair.
    }
  };
  return {
    emitter: emitterOf(emitter, onUncaptured),
    provider,
    machine: thisMachine,
    labels: {
      ...(scope !== undefined && { scope }),
      ...(session !== undefined && { session }),
      ...(tags !== undefined && { tags }),
      ...(metadata !== undefined && { metadata }),
    },
    propagatesTrace: options.propagatesTrace === true,
    onUncaptured,
  };
}

/** An initialisation belongs to the trace in which it happens, if any. */
function emitInit(capture: Capture, event: IncomingEvent): void {
  const { emitter, machine, onUncaptured } = capture;
  const { ids, clock } = machine;
  const traceId = currentRun()?.traceId;
  const head = { id: ids.uuidv7(), time: new Date(clock.nowMs()).toISOString() };
  try {
    emitter.emit({ ...head, ...event, ...(traceId !== undefined && { traceId }) });
  } catch (thrown) {
    onUncaptured("emitter", runErrorOf(thrown).message);
  }
}

/** Without one, which only a program without types can be, calls go through and nobody hears of them. */
function emitterOf(given: ObserveOptions["emitter"], onUncaptured: OnUncaptured): Emitter {
  if (typeof given === "object" && given !== null) return isEmitter(given) ? given : fromLifecycle(given);
  onUncaptured("emitter", `The emitter is ${String(given)}. Give one, or noopEmitter for none.`);
  return noopEmitter;
}

function isEmitter(emitter: ObserveOptions["emitter"]): emitter is Emitter {
  return "emit" in emitter && typeof emitter.emit === "function";
}

/** Azure's client is the one that knows deployments. */
function providerOf(client: object | undefined): string {
  return client !== undefined && "deploymentName" in client ? "azure.ai.openai" : "openai";
}
