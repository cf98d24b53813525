import { kindCode } from "@sluice/sdk";
import type { Conclusion, Operation, Reading, RequestText } from "@sluice/sdk/internal";
import { Received } from "../../spool/received.ts";
import { runEndOf } from "../../spool/run-end.ts";
import type { NewRecord } from "../../spool/spool.ts";
import type { CallTime } from "./call-time.ts";
import type { CallContext } from "./context.ts";

/** Mints and derives event ids. */
export interface RunIds {
  uuidv7(): string;
  /** UUIDv5 of a name within a run: the same for the same run and name, wherever it is asked. */
  derive(runId: string, name: string): string;
}

/** What is known of a call from its first moment on. */
export interface Call {
  readonly runId: string;
  readonly runIdJson: string;
  readonly context: CallContext;
  readonly provider: string;
  readonly operation: Operation;
  /** Boot id of the process that will write the end, as JSON. */
  readonly writerJson: string;
  readonly method: string;
  /** As JSON, without its query, in which some servers take keys. */
  readonly pathJson: string;
  readonly time: CallTime;
  /** RFC 3339. */
  readonly startTime: string;
}

export interface CallEnd {
  readonly endMs: number;
  readonly firstTokenMs: number | undefined;
  readonly conclusion: Conclusion;
  readonly reading: Reading | undefined;
  readonly httpStatus: number | undefined;
  readonly requestId: string | undefined;
  readonly truncated: Truncated | undefined;
}

/** The full size of a side that was longer than what is kept. */
export interface Truncated {
  readonly requestBytes?: number;
  readonly responseBytes?: number;
}

/** The `run.started` of a call. */
export function startedRecord(call: Call, request: RequestText, ids: RunIds): NewRecord {
  const id = ids.uuidv7();
  const run = `${runHead(call, request)},"http":${httpJson(call)}}`;
  return recordOf(
    call,
    id,
    "run.started",
    `${envelope(call, id, "run.started", call.startTime)},"run":${run}}`,
  );
}

/** The complete `run.ended` of a call, and a `tool.called` for each tool that the model asked for. */
export function endedRecords(call: Call, request: RequestText, end: CallEnd, ids: RunIds): NewRecord[] {
  const { reading, conclusion } = end;
  const id = ids.derive(call.runId, "ended");
  const time = timeOf(end.endMs);
  let run = runHead(call, request);
  if (end.firstTokenMs !== undefined) run += `,"firstTokenTime":"${timeOf(end.firstTokenMs)}"`;
  run += `,"status":"${conclusion.status}"`;
  if (conclusion.reason !== undefined) run += `,"reason":${JSON.stringify(conclusion.reason)}`;
  if (reading?.response !== undefined) run += `,"response":${said(call, conclusion, reading.response)}`;
  if (reading?.usage !== undefined) run += `,"usage":${JSON.stringify(reading.usage)}`;
  if (conclusion.error !== undefined) run += `,"error":${said(call, conclusion, conclusion.error)}`;
  if (end.truncated !== undefined) run += `,"truncated":${JSON.stringify(end.truncated)}`;
  run += `,"http":${httpJson(call, end)}}`;
  const ended = `${envelope(call, id, "run.ended", time)},"run":${run}}`;
  const records = [{ ...recordOf(call, id, "run.ended", ended), ...meterable(call, request, end) }];
  for (const [index, tool] of (reading?.toolCalls ?? []).entries()) {
    const toolId = ids.derive(call.runId, `tool:${index}`);
    const head = envelope(call, toolId, "tool.called", time);
    records.push(recordOf(call, toolId, "tool.called", `${head},"tool":${JSON.stringify(tool)}}`));
  }
  return records;
}

/** What its cost takes, which is at hand here and would have to be parsed again elsewhere. */
function meterable(
  { operation, provider, startTime }: Call,
  { model }: RequestText,
  { conclusion, reading }: CallEnd,
): Pick<NewRecord, "end"> {
  const run = {
    type: operation.runType,
    provider,
    operation: operation.name,
    startTime,
    status: conclusion.status,
    ...(model !== undefined && { request: { model } }),
    ...(reading?.response !== undefined && { response: reading.response }),
    ...(reading?.usage !== undefined && { usage: reading.usage }),
  };
  // What was asked is text by now. Where it has no input, whoever counts finds out.
  const end = runEndOf(run, true);
  return end === undefined ? {} : { end };
}

/**
 * The text of an event up to what is special to its kind. Strings are put together: most of it is text
 * already.
 */
function envelope(call: Call, id: string, kind: string, time: string): string {
  return `{"id":"${id}","kind":"${kind}","time":"${time}","runId":${call.runIdJson}${call.context.json}`;
}

function runHead(call: Call, request: RequestText): string {
  const { operation, context } = call;
  const name = request.model === undefined ? `"${operation.name}"` : JSON.stringify(request.model);
  const attempt = context.attempt === undefined ? "" : `,"attempt":${context.attempt}`;
  return (
    `{"type":"${operation.runType}","name":${name},"provider":"${call.provider}","operation":"${operation.name}"` +
    `,"writer":${call.writerJson},"startTime":"${call.startTime}"${attempt},"request":${request.json}`
  );
}

function httpJson(call: Call, end?: CallEnd): string {
  const status = end?.httpStatus === undefined ? "" : `"status":${end.httpStatus},`;
  const requestId = end?.requestId === undefined ? "" : `,"requestId":${JSON.stringify(end.requestId)}`;
  return `{${status}"method":"${call.method}","path":${call.pathJson}${requestId}}`;
}

function recordOf(call: Call, id: string, kind: string, json: string): NewRecord {
  const { runId, context } = call;
  const received = new Received(Buffer.from(json));
  return {
    id,
    kindCode: kindCode(kind),
    flags: 0,
    runId,
    orderKey: context.traceId ?? runId,
    received,
    body: received.bytes,
  };
}

/**
 * What the provider said, as JSON. One that refuses a call may repeat the key that it was given: that must
 * not come into the log. Keys are made of characters that JSON leaves alone.
 */
function said(call: Call, conclusion: Conclusion, value: unknown): string {
  let json = JSON.stringify(value);
  if (conclusion.status === "ok") return json;
  for (const secret of call.context.secrets) json = json.replaceAll(secret, "[key]");
  return json;
}

let formattedSecond = Number.NaN;
let formatted = "";

/**
 * Formatting a time costs as much as the rest of an envelope; all but the milliseconds is the same for a
 * second.
 */
export function timeOf(ms: number): string {
  const second = Math.floor(ms / 1_000);
  if (second !== formattedSecond) {
    formattedSecond = second;
    formatted = new Date(second * 1_000).toISOString().slice(0, -"000Z".length);
  }
  return `${formatted}${String(ms - second * 1_000).padStart(3, "0")}Z`;
}
