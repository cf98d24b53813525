import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Operation, Timer } from "@sluice/sdk/internal";
import { sendProblem } from "../../http/problem.ts";
import type { Intake } from "../intake.ts";
import { ActiveCalls } from "./active-calls.ts";
import { CallTime } from "./call-time.ts";
import { Capture, type CaptureStage } from "./capture.ts";
import { contextOf } from "./context.ts";
import { Exchange } from "./exchange.ts";
import { HeldBytes } from "./kept-bytes.ts";
import { OffPath } from "./off-path.ts";
import { type OnUncaptured, Outbox } from "./outbox.ts";
import { type RunIds, timeOf } from "./run-records.ts";
import { askForUsage } from "./strip-usage.ts";
import { Unfinished } from "./unfinished.ts";
import { Upstream, type UpstreamOptions } from "./upstream.ts";

export interface ProxyOptions {
  readonly intake: Intake;
  readonly clock: Clock;
  readonly ids: RunIds;
  /** By the name under which each is mounted: `openai` serves `/openai/…`. */
  readonly upstreams: Readonly<Record<string, UpstreamOptions>>;
  /** Counts events that were not captured. Their calls went through. */
  readonly onUncaptured: OnUncaptured;
}

/**
 * Passes a call to its provider and its answer back, byte for byte, and captures it on the side. Returns at
 * once. `rest` is the path after the mount, with its query. The byte path depends on no stage: whatever
 * breaks behind it, the call goes through.
 */
export interface ProxySource {
  (request: IncomingMessage, response: ServerResponse, provider: string, rest: string): void;
  /** Calls that are on their way now. */
  readonly active: number;
  /** Connections to providers that are open now, in use or idle. */
  readonly sockets: number;
  /** Resolves when every call that has ended is with the intake, and the intake has answered. */
  settled(): Promise<void>;
  /**
   * Ends what is still on its way as `incomplete{shutdown}`, then settles, then releases all connections.
   * Idempotent. An aborted signal ends the waiting for the intake: what it has not taken by then is lost.
   */
  close(signal?: AbortSignal): Promise<void>;
}

/**
 * How often time-outs are looked for. One timer serves all calls, and a minute's time-out may be a second
 * late.
 */
const SWEEP_MS = 1_000;

/** Throws when an upstream's URL cannot be used. */
export function createProxy(options: ProxyOptions): ProxySource {
  const service = new ProxyService(options);
  const serve = service.serve.bind(service);
  return Object.defineProperties(serve, {
    active: { get: () => service.active },
    sockets: { get: () => service.sockets },
    settled: { value: () => service.settled() },
    close: { value: (signal?: AbortSignal) => service.close(signal) },
  }) as ProxySource;
}

class ProxyService {
  readonly #options: ProxyOptions;
  readonly #stage: CaptureStage;
  readonly #upstreams = new Map<string, Upstream>();
  readonly #active = new ActiveCalls<Exchange>();
  readonly #writerJson: string;
  readonly #onOver = (exchange: Exchange) => this.#active.remove(exchange);
  #sweep: Timer | undefined;
  #lastPath = "";
  #lastPathJson = "";

  constructor(options: ProxyOptions) {
    const { clock, ids, intake, onUncaptured } = options;
    this.#options = options;
    this.#writerJson = JSON.stringify(intake.bootId);
    const outbox = new Outbox(intake, onUncaptured);
    const offPath = new OffPath(clock, () => outbox.flush());
    this.#stage = {
      clock,
      ids,
      outbox,
      offPath,
      held: new HeldBytes(),
      ending: new Unfinished(),
      onUncaptured,
    };
    for (const [name, upstream] of Object.entries(options.upstreams)) {
      this.#upstreams.set(name, new Upstream(name, upstream));
    }
  }

  get active(): number {
    return this.#active.size;
  }

  get sockets(): number {
    let sockets = 0;
    for (const upstream of this.#upstreams.values()) sockets += upstream.sockets;
    return sockets;
  }

  serve(request: IncomingMessage, response: ServerResponse, provider: string, rest: string): void {
    const upstream = this.#upstreams.get(provider);
    if (upstream === undefined) {
      const detail = `No provider is mounted as "${provider}". Mounted: ${[...this.#upstreams.keys()].join(", ")}.`;
      sendProblem(response, { status: 404, code: "unknown_provider", detail });
      return;
    }
    const operation = request.method === "POST" ? upstream.provider.operation(rest) : undefined;
    const capture = operation && this.#capture(request, upstream, operation, rest);
    const exchange = new Exchange({
      request,
      response,
      upstream,
      rest,
      tap: capture,
      rewrite: upstream.injectsUsage && mayAskForUsage(request, operation) ? askForUsage : undefined,
      nowMs: this.#options.clock.monotonicMs(),
      onOver: this.#onOver,
    });
    this.#active.add(exchange);
    this.#sweep ??= this.#armSweep();
    exchange.start();
  }

  async settled(): Promise<void> {
    await this.#stage.ending.none();
    this.#stage.offPath.finish();
    await this.#stage.outbox.settled();
  }

  async close(signal?: AbortSignal): Promise<void> {
    this.#sweep?.cancel();
    const message = "The proxy is shutting down.";
    this.#active.each((exchange) => exchange.abort({ reason: "shutdown", httpStatus: 503, message }));
    await Promise.race([this.settled(), aborted(signal)]);
    for (const upstream of this.#upstreams.values()) upstream.close();
  }

  #capture(
    request: IncomingMessage,
    upstream: Upstream,
    operation: Operation,
    rest: string,
  ): Capture | undefined {
    if (this.#stage.held.isUsedUp) {
      this.#options.onUncaptured("memory", EVENTS_OF_A_CALL);
      return undefined;
    }
    try {
      const { ids, clock } = this.#options;
      const time = new CallTime(clock);
      const context = contextOf(request.rawHeaders);
      const runId = runIdOf(context, ids);
      return new Capture(this.#stage, {
        runId,
        runIdJson: JSON.stringify(runId),
        context,
        provider: upstream.provider.name,
        operation,
        writerJson: this.#writerJson,
        method: request.method ?? "POST",
        pathJson: this.#pathJson(rest),
        time,
        startTime: timeOf(time.startMs),
      });
    } catch {
      // A bug of ours. The call goes through all the same.
      this.#options.onUncaptured("bug", 1);
      return undefined;
    }
  }

  /** Nearly all calls have one of four paths, so the last one is worth keeping. */
  #pathJson(rest: string): string {
    if (rest !== this.#lastPath) {
      this.#lastPath = rest;
      this.#lastPathJson = JSON.stringify(rest.split("?", 1)[0]);
    }
    return this.#lastPathJson;
  }

  #armSweep(): Timer {
    return this.#options.clock.after(SWEEP_MS, () => {
      const nowMs = this.#options.clock.monotonicMs();
      this.#active.each((exchange) => exchange.expire(nowMs));
      this.#sweep = this.#active.size > 0 ? this.#armSweep() : undefined;
    });
  }
}

/** Its start and its end. What tools the model would have called, nobody can know. */
const EVENTS_OF_A_CALL = 2;

/** A longer request is passed on as it is: nobody waits for it to be read. */
const REWRITE_BYTES_MAX = 4 * 1024 * 1024;

function mayAskForUsage(request: IncomingMessage, operation: Operation | undefined): boolean {
  const length = Number(request.headers["content-length"]);
  const isStreamed = operation?.name === "chat" || operation?.name === "completion";
  return isStreamed && length > 0 && length <= REWRITE_BYTES_MAX;
}

/** A retry of the SDK repeats the client's run id, but is a run of its own: it ends by itself. */
function runIdOf(context: ReturnType<typeof contextOf>, ids: RunIds): string {
  const { runId, attempt = 1 } = context;
  if (runId === undefined) return ids.uuidv7();
  return attempt === 1 ? runId : ids.derive(runId, `attempt:${attempt}`);
}

/** Resolves when the signal aborts; never without one. */
function aborted(signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
}
