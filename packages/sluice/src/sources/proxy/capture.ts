import type { IncomingMessage } from "node:http";
import { type Clock, conclude, type RequestText, readRequestText } from "@sluice/sdk/internal";
import type { Ending, Tap } from "./exchange.ts";
import { headerOf } from "./headers.ts";
import { type HeldBytes, KeptBytes } from "./kept-bytes.ts";
import type { OffPath, OffPathWork } from "./off-path.ts";
import type { OnUncaptured, Outbox } from "./outbox.ts";
import { ResponseCapture } from "./response-capture.ts";
import { type Call, endedRecords, type RunIds, startedRecord, type Truncated } from "./run-records.ts";
import type { Unfinished } from "./unfinished.ts";

/**
 * Kept of each side of a call. A conversation that is longer is `truncated`; its usage is read all the same.
 */
const SIDE_BYTES_MAX = 4 * 1024 * 1024;

/** What all captures of a proxy share. */
export interface CaptureStage {
  readonly clock: Clock;
  readonly ids: RunIds;
  readonly outbox: Outbox;
  readonly offPath: OffPath;
  readonly held: HeldBytes;
  /** Captures whose call is over, and whose end has not been written yet. */
  readonly ending: Unfinished;
  readonly onUncaptured: OnUncaptured;
}

/**
 * Looks on as one call passes and makes its events: `run.started` when the request is complete, `run.ended`
 * with its `tool.called` when the call is over, however it ended. On the byte path it only notes; the reading
 * is done off it. A mistake in here is counted as `uncaptured{bug}` and ends this capture, nothing else.
 */
export class Capture implements Tap, OffPathWork {
  readonly #stage: CaptureStage;
  readonly #call: Call;
  readonly #sent: KeptBytes;
  #request: RequestText | undefined;
  #response: ResponseCapture | undefined;
  #httpStatus: number | undefined;
  #requestId: string | undefined;
  #isRequestComplete = false;
  #isQueued = false;
  /** Everything that will come has come, and is decoded. */
  #isReadable = false;
  /** Nothing more is noted: it is finished, or a bug has ended it. */
  #isClosed = false;
  #end: { readonly ending: Ending; readonly endMs: number } | undefined;
  /**
   * Functions of the capture alone. One that is made where a message is at hand keeps that message, its
   * socket and all of its headers until the capture is read, which is longer than a young object lives.
   */
  readonly #onReadable = () => this.#enqueue();
  readonly #onComplete = () => {
    this.#isReadable = true;
    this.#enqueue();
  };

  constructor(stage: CaptureStage, call: Call) {
    this.#stage = stage;
    this.#call = call;
    this.#sent = new KeptBytes(stage.held, SIDE_BYTES_MAX);
  }

  requestChunk(chunk: Buffer): void {
    if (this.#isClosed) return;
    try {
      this.#sent.add(chunk);
    } catch {
      this.#abandon();
    }
  }

  requestEnd(): void {
    this.#isRequestComplete = true;
    this.#enqueue();
  }

  answer(status: number, incoming: IncomingMessage): void {
    if (this.#isClosed) return;
    try {
      const { rawHeaders } = incoming;
      this.#httpStatus = status;
      this.#requestId = headerOf(rawHeaders, "x-request-id");
      const { held } = this.#stage;
      const { operation, time } = this.#call;
      const onReadable = this.#onReadable;
      const bytesMax = SIDE_BYTES_MAX;
      this.#response = new ResponseCapture({ operation, held, time, bytesMax, onReadable }, rawHeaders);
    } catch {
      this.#abandon();
    }
  }

  responseChunk(chunk: Buffer): void {
    if (this.#isClosed) return;
    try {
      this.#response?.add(chunk);
    } catch {
      this.#abandon();
    }
  }

  end(ending: Ending): void {
    if (this.#isClosed) return;
    try {
      this.#end = { ending, endMs: this.#call.time.nowMs() };
      this.#stage.ending.begin();
      if (this.#response === undefined) this.#onComplete();
      else this.#response.end(this.#onComplete);
    } catch {
      this.#abandon();
    }
  }

  work(): void {
    this.#isQueued = false;
    if (this.#isClosed) return;
    try {
      const end = this.#isReadable ? this.#end : undefined;
      if (this.#request === undefined && this.#isRequestComplete) this.#start();
      if (end !== undefined) this.#finish(end);
      else this.#response?.read();
    } catch {
      this.#abandon();
    }
  }

  #enqueue(): void {
    if (this.#isQueued || this.#isClosed) return;
    this.#isQueued = true;
    this.#stage.offPath.push(this);
  }

  #start(): void {
    const { ids, outbox } = this.#stage;
    this.#request = this.#readRequest();
    outbox.push([startedRecord(this.#call, this.#request, ids)]);
  }

  #finish(end: { readonly ending: Ending; readonly endMs: number }): void {
    const { ids, outbox } = this.#stage;
    const response = this.#response;
    const httpStatus = this.#httpStatus;
    const reading = response?.reading();
    const isStream = response?.isStream ?? false;
    const conclusion = conclude({ ending: end.ending, httpStatus, reading, isStream });
    // A request that never became complete is read as far as it came.
    const request = this.#request ?? this.#readRequest();
    const callEnd = {
      endMs: end.endMs,
      conclusion,
      reading,
      httpStatus,
      firstTokenMs: response?.firstTokenMs,
      requestId: this.#requestId,
      truncated: this.#truncated((reading?.isCut ?? false) || (response?.isCut ?? false)),
    };
    const records = endedRecords(this.#call, request, callEnd, ids);
    outbox.push(records);
    this.#release();
  }

  #readRequest(): RequestText {
    const isWhole = this.#isRequestComplete && !this.#sent.isCut;
    return readRequestText(this.#call.operation, this.#sent.text(), !isWhole);
  }

  #truncated(isResponseCut: boolean): Truncated | undefined {
    if (!isResponseCut && !this.#sent.isCut) return undefined;
    return {
      ...(this.#sent.isCut && { requestBytes: this.#sent.sizeBytes }),
      ...(isResponseCut && { responseBytes: this.#response?.sizeBytes ?? 0 }),
    };
  }

  /** After a bug of ours. The call goes on; what is lost is counted, and a metric shows it. */
  #abandon(): void {
    this.#stage.onUncaptured("bug", 1);
    this.#release();
  }

  #release(): void {
    if (this.#end !== undefined) this.#stage.ending.end();
    this.#end = undefined;
    this.#isClosed = true;
    this.#sent.release();
    this.#response?.release();
  }
}
