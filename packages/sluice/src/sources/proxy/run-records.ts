import { crc32 } from "node:zlib";
import { kindCode } from "@sluice/sdk";
import type { Operation, Reading, RequestText } from "@sluice/sdk/internal";
import type { NewRecord } from "../../spool/spool.ts";
import type { Conclusion } from "./conclude.ts";
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
  readonly context: CallContext;
  readonly provider: string;
  readonly operation: Operation;
  /** Boot id of the process that will write the end. */
  readonly writer: string;
  readonly method: string;
  /** Without its query, in which some servers take keys. */
  readonly path: string;
  readonly startMs: number;
}

export interface CallEnd {
  readonly endMs: number;
  readonly firstTokenMs?: number;
  readonly conclusion: Conclusion;
  readonly reading?: Reading;
  readonly httpStatus?: number;
  readonly requestId?: string;
  readonly truncated?: { readonly requestBytes?: number; readonly responseBytes?: number };
}

/** The `run.started` of a call. */
export function startedRecord(call: Call, request: RequestText, ids: RunIds): NewRecord {
  const id = ids.uuidv7();
  const run = `${runHead(call, request)},"http":${JSON.stringify(httpOf(call))},"request":${request.json}}`;
  return recordOf(
    call,
    id,
    "run.started",
    `${envelope(call, id, "run.started", call.startMs)},"run":${run}}`,
  );
}

/** The complete `run.ended` of a call, and a `tool.called` for each tool that the model asked for. */
export function endedRecords(call: Call, request: RequestText, end: CallEnd, ids: RunIds): NewRecord[] {
  const { reading, conclusion } = end;
  const id = ids.derive(call.runId, "ended");
  let run = runHead(call, request);
  if (end.firstTokenMs !== undefined) run += `,"firstTokenTime":"${timeOf(end.firstTokenMs)}"`;
  run += `,"status":"${conclusion.status}"`;
  if (conclusion.reason !== undefined) run += `,"reason":${JSON.stringify(conclusion.reason)}`;
  run += `,"request":${request.json}`;
  if (reading?.response !== undefined) run += `,"response":${JSON.stringify(reading.response)}`;
  if (reading?.usage !== undefined) run += `,"usage":${JSON.stringify(reading.usage)}`;
  if (conclusion.error !== undefined) run += `,"error":${JSON.stringify(conclusion.error)}`;
  if (end.truncated !== undefined) run += `,"truncated":${JSON.stringify(end.truncated)}`;
  run += `,"http":${JSON.stringify(httpOf(call, end))}}`;
  const ended = `${envelope(call, id, "run.ended", end.endMs)},"run":${run}}`;
  const records = [recordOf(call, id, "run.ended", ended)];
  for (const [index, tool] of (reading?.toolCalls ?? []).entries()) {
    const toolId = ids.derive(call.runId, `tool:${index}`);
    const head = envelope(call, toolId, "tool.called", end.endMs);
    records.push(recordOf(call, toolId, "tool.called", `${head},"tool":${JSON.stringify(tool)}}`));
  }
  return records;
}

/** The text of an event up to what is special to its kind. Strings are put together: most of it is text already. */
function envelope(call: Call, id: string, kind: string, timeMs: number): string {
  const { runId, context } = call;
  return `{"id":"${id}","kind":"${kind}","time":"${timeOf(timeMs)}","runId":${JSON.stringify(runId)}${context.json}`;
}

function runHead(call: Call, request: RequestText): string {
  const { operation, context } = call;
  const name = JSON.stringify(request.model ?? operation.name);
  const attempt = context.attempt === undefined ? "" : `,"attempt":${context.attempt}`;
  return (
    `{"type":"${operation.runType}","name":${name},"provider":"${call.provider}","operation":"${operation.name}"` +
    `,"writer":${JSON.stringify(call.writer)},"startTime":"${timeOf(call.startMs)}"${attempt}`
  );
}

function httpOf(call: Call, end?: CallEnd): object {
  return { status: end?.httpStatus, method: call.method, path: call.path, requestId: end?.requestId };
}

function recordOf(call: Call, id: string, kind: string, json: string): NewRecord {
  const { runId, context } = call;
  const body = Buffer.from(withoutSecrets(json, context.secrets));
  return {
    id,
    kindCode: kindCode(kind),
    flags: 0,
    runId,
    orderKey: context.traceId ?? runId,
    receivedCrc: crc32(body),
    body,
  };
}

/** A provider that repeats the key in its error must not bring it into the log; keys are made of characters that JSON leaves alone. */
function withoutSecrets(json: string, secrets: readonly string[]): string {
  let clean = json;
  for (const secret of secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, "[key]");
  return clean;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
