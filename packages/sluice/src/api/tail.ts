import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Timer } from "@sluice/sdk/internal";
import { sendProblem } from "../http/problem.ts";
import type { Hub, LiveItem } from "../live/hub.ts";
import type { Route } from "./routes.ts";

export interface TailOptions {
  readonly hub: Hub;
  readonly clock: Clock;
  /** Tells the numbers of this process from those of an earlier one. */
  readonly bootId: string;
}

/** Proxies and load balancers close what is silent for 30 to 60 s. */
const HEARTBEAT_MS = 15_000;
/** A viewer that takes nothing for this long is gone, or might as well be: it can come back and resume. */
const STALLED_MS = 30_000;
/** Each holds a connection; a tee for people needs no more. */
const VIEWERS_MAX = 64;
/**
 * What all of them together may keep us waiting with. One more frame, and its viewer is cut off: it can come
 * back and resume, and learns what it missed.
 */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Live events as Server-Sent Events. `id` is BOOT:SEQ; sent back as Last-Event-ID it resumes. A `gap` event
 * says how many entries are not coming, or `{"missed":null}` when the daemon was restarted since and nobody
 * can know. Query: `kind` (repeatable, `run.*` works) and `run`.
 */
export function tailRoute({ hub, clock, bootId }: TailOptions): Route {
  const waiting: Waiting = { bytes: 0 };
  return {
    method: "GET",
    path: "/v1/tail",
    access: "token",
    isWork: false,
    async serve(request, response, target) {
      if (hub.subscribers >= VIEWERS_MAX) {
        const detail = `There are ${VIEWERS_MAX} viewers already.`;
        return sendProblem(
          response,
          { status: 503, code: "too_many_viewers", detail },
          { "retry-after": "5" },
        );
      }
      const query = new URLSearchParams(target.search);
      const resume = parseId(headerOf(request, "last-event-id"), bootId);
      const viewer = new SseViewer(response, clock, bootId, waiting);
      if (resume === "restarted")
        viewer.send(`id: ${bootId}:${hub.seq}\nevent: gap\ndata: {"missed":null}\n\n`);
      const runId = query.get("run");
      const items = hub.subscribe({
        signal: viewer.signal,
        kinds: query.getAll("kind"),
        ...(runId === null ? {} : { runId }),
        ...(typeof resume === "number" ? { after: resume } : {}),
      });
      for await (const item of items) await viewer.show(item);
      viewer.end();
    },
  };
}

/** Frames that viewers have not taken yet. */
interface Waiting {
  bytes: number;
}

/**
 * One connection: writes as fast as the viewer reads, and no faster. What it does not read, the hub counts as
 * a gap.
 */
class SseViewer {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #bootId: string;
  readonly #waiting: Waiting;
  readonly #gone = new AbortController();
  #heartbeat: Timer | undefined;

  constructor(response: ServerResponse, clock: Clock, bootId: string, waiting: Waiting) {
    this.#waiting = waiting;
    this.#response = response;
    this.#clock = clock;
    this.#bootId = bootId;
    response.on("close", () => this.#leave());
    response.on("error", () => this.#leave());
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    response.write("retry: 1000\n\n");
    this.#beat();
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  send(frame: string): boolean {
    return this.#gone.signal.aborted || this.#response.write(frame);
  }

  /** Resolves when the viewer can take more, or has left. */
  async show(item: LiveItem): Promise<void> {
    const id = `id: ${this.#bootId}:${item.seq}\n`;
    const frame =
      item.type === "event"
        ? `${id}event: event\ndata: ${item.json}\n\n`
        : `${id}event: gap\ndata: {"missed":${item.missed}}\n\n`;
    if (this.send(frame)) return;
    const { writableLength } = this.#response;
    this.#waiting.bytes += writableLength;
    if (this.#waiting.bytes > WAITING_BYTES_MAX) this.#response.destroy();
    await this.#drained();
    this.#waiting.bytes -= writableLength;
  }

  end(): void {
    this.#leave();
    this.#response.end();
  }

  #drained(): Promise<void> {
    if (this.#gone.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.after(STALLED_MS, () => this.#response.destroy());
      const go = () => {
        timer.cancel();
        this.#response.off("drain", go);
        this.#gone.signal.removeEventListener("abort", go);
        resolve();
      };
      this.#response.once("drain", go);
      this.#gone.signal.addEventListener("abort", go, { once: true });
    });
  }

  #beat(): void {
    this.#heartbeat = this.#clock.after(HEARTBEAT_MS, () => {
      // A full buffer needs no heartbeat: bytes are on their way.
      if (!this.#response.writableNeedDrain) this.#response.write(":\n\n");
      this.#beat();
    });
  }

  #leave(): void {
    this.#heartbeat?.cancel();
    this.#gone.abort();
  }
}

/** Where a viewer stopped: a seq of this boot, or "restarted" for one of another. */
function parseId(id: string | undefined, bootId: string): number | "restarted" | undefined {
  if (id === undefined || id === "") return undefined;
  const split = id.lastIndexOf(":");
  const seq = Number(id.slice(split + 1));
  return id.slice(0, split) === bootId && Number.isSafeInteger(seq) && seq >= 0 ? seq : "restarted";
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}
