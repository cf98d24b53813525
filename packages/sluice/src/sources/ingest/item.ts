import { hash } from "node:crypto";
import { type JsonObject, kindCode } from "@sluice/sdk";
import {
  checkEvent,
  decodeJson,
  deriveId,
  type EventFault,
  encodeEvent,
  endId,
  fromRunPayload,
  type Ids,
  type IncomingEvent,
  isComplete,
  isPiece,
} from "@sluice/sdk/internal";
import { Received } from "../../spool/received.ts";
import { FLAG_PARTIAL, type NewRecord } from "../../spool/spool.ts";
import { fieldAt } from "./field-at.ts";
import type { Rejection } from "./outcome.ts";

export type Dialect = "canonical" | "run-payload";

export interface ReadItem {
  readonly record: NewRecord;
  /** The sender gave none, so that the answer has to tell it. */
  readonly isIdOurs: boolean;
}

/**
 * Makes a record of the bytes of one item, or says what is wrong with them. A canonical event keeps its
 * bytes: what it lacks is put in front, and a line break between its fields becomes a space, because a record
 * is one line. So numbers, unknown fields and the order of keys stay as they were sent without anybody taking
 * care of them.
 */
export function readItem(
  bytes: Uint8Array,
  dialect: Dialect | undefined,
  ids: Ids,
  now: string,
): ReadItem | Rejection {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return malformed(error, text);
  }
  const chosen = dialect ?? dialectOf(value);
  switch (chosen) {
    case "canonical":
      return readCanonical(value, bytes, ids, now);
    case "run-payload":
      return readRunPayload(text, bytes, now);
    default:
      return chosen;
  }
}

function readCanonical(value: unknown, bytes: Uint8Array, ids: Ids, now: string): ReadItem | Rejection {
  const fault = checkEvent(value);
  if (fault !== undefined) return rejectionOf(fault);
  // Parsed at the edge: the check above is what makes it an event.
  const event = value as IncomingEvent;
  const id = event.id ?? ownId(event, bytes, ids);
  const time = event.time ?? (event.kind === "run.started" ? event.run?.startTime : undefined) ?? now;
  const missing =
    (event.id === undefined ? `"id":${JSON.stringify(id)},` : "") +
    (event.time === undefined ? `"time":"${time}",` : "");
  return { record: recordOf(event, id, bytes, asLine(bytes, missing)), isIdOurs: event.id === undefined };
}

function readRunPayload(text: string, bytes: Uint8Array, now: string): ReadItem | Rejection {
  const payload = decodeJson(text);
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return NOT_AN_OBJECT;
  const result = fromRunPayload(payload as JsonObject, fingerprint(bytes), now);
  if ("fault" in result) return rejectionOf(result.fault);
  const { event } = result;
  return { record: recordOf(event, event.id, bytes, Buffer.from(encodeEvent(event))), isIdOurs: true };
}

/**
 * Whoever sends the same end again sends the same id. For anything else we cannot know that it is the same.
 */
function ownId(event: IncomingEvent, bytes: Uint8Array, ids: Ids): string {
  if (event.runId === undefined || event.kind !== "run.ended") return ids.uuidv7();
  if (isComplete(event)) return endId(event.runId, event.run?.revision);
  return deriveId(event.runId, `piece:${fingerprint(bytes)}`);
}

function recordOf(event: IncomingEvent, id: string, received: Uint8Array, body: Uint8Array): NewRecord {
  const { runId } = event;
  const orderKey = event.traceId ?? runId;
  return {
    id,
    kindCode: kindCode(event.kind),
    flags: isPiece(event) ? FLAG_PARTIAL : 0,
    ...(runId !== undefined && { runId }),
    ...(orderKey !== undefined && { orderKey }),
    received: new Received(received),
    body,
  };
}

/**
 * Tells which dialect an item is written in by the fields that each requires. Feedback has no type, as
 * Lunary's own SDK sends it.
 */
function dialectOf(value: unknown): Dialect | Rejection {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return NOT_AN_OBJECT;
  const has = (name: string) => Object.hasOwn(value, name);
  const isPayload = has("runId") && has("event") && (has("type") || has("feedback"));
  if (has("kind")) return isPayload ? AMBIGUOUS : "canonical";
  return isPayload ? "run-payload" : UNKNOWN;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * The bytes of an object as one line, with `missing` put behind its brace. A line break in JSON is never
 * inside a string.
 */
function asLine(bytes: Uint8Array, missing: string): Uint8Array {
  const hasBreaks = bytes.includes(LINE_FEED) || bytes.includes(CARRIAGE_RETURN);
  if (missing === "" && !hasBreaks) return bytes;
  const line = Buffer.concat([Buffer.from(`{${missing}`), bytes.subarray(1)]);
  if (!hasBreaks) return line;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === LINE_FEED || line[at] === CARRIAGE_RETURN) line[at] = SPACE;
  }
  return line;
}

function fingerprint(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

/**
 * JSON.parse quotes the text it stumbled over, which may be a secret: of its message only the position is
 * told.
 */
function malformed(error: unknown, text: string): Rejection {
  const position = error instanceof SyntaxError ? /at position (\d+)/.exec(error.message)?.[1] : undefined;
  const where = position === undefined ? "" : `: it goes wrong at character ${position}`;
  const before = Buffer.from(text.slice(0, Number(position ?? 0)));
  const field = fieldAt(before, before.length);
  return { status: 400, code: "malformed_json", field, detail: `This is not JSON${where}.` };
}

function rejectionOf(fault: EventFault): Rejection {
  const { code, field } = fault;
  const detail = field === "" ? `${fault.detail}.` : `${field} ${fault.detail}.`;
  return { status: code === "out_of_range" ? 422 : 400, code, field, detail };
}

const NOT_AN_OBJECT: Rejection = {
  status: 400,
  code: "invalid_field",
  field: "",
  detail: "An event must be a JSON object.",
};
const AMBIGUOUS: Rejection = {
  status: 400,
  code: "ambiguous_dialect",
  field: "kind",
  detail: "This has kind, and runId, event and type as well. Add ?dialect=canonical or ?dialect=run-payload.",
};
const UNKNOWN: Rejection = {
  status: 400,
  code: "missing_field",
  field: "kind",
  detail: "kind is missing (or, for a run payload, one of runId, event and type).",
};
