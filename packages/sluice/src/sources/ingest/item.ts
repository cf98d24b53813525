import { hash } from "node:crypto";
import { type JsonObject, kindCode } from "@sluice/sdk";
import {
  BUS,
  checkEvent,
  DIALECTS,
  type Dialect,
  decodeJson,
  deriveId,
  dialectNamed,
  dialectsOf,
  type EventFault,
  encodeEvent,
  type Ids,
  type IncomingEvent,
  isComplete,
  isPiece,
  missingId,
  missingTime,
} from "@sluice/sdk/internal";
import { Received } from "../../spool/received.ts";
import { runEndOf } from "../../spool/run-end.ts";
import { FLAG_PARTIAL, type NewRecord } from "../../spool/spool.ts";
import { fieldAt } from "./field-at.ts";
import { forBinding, withWaitingId } from "./of-bus.ts";
import type { Rejection } from "./outcome.ts";

/** The form that an item is in: our own, or a dialect. */
export type ItemForm = typeof CANONICAL | Dialect;

const CANONICAL = "canonical";

/** The form that `?dialect=` names; undefined: there is none of that name. */
export function formNamed(name: string): ItemForm | undefined {
  return name === CANONICAL ? CANONICAL : dialectNamed(name);
}

/** Every name that `?dialect=` takes. */
export const FORM_NAMES: readonly string[] = [CANONICAL, ...DIALECTS.map(({ name }) => name)];

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
  form: ItemForm | undefined,
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
  const chosen = form ?? formOf(value);
  if (chosen === CANONICAL) return readCanonical(value, bytes, ids, now);
  return "code" in chosen ? chosen : readForeign(chosen, text, bytes, ids, now);
}

function readCanonical(value: unknown, bytes: Uint8Array, ids: Ids, now: string): ReadItem | Rejection {
  const fault = checkEvent(value);
  if (fault !== undefined) return rejectionOf(fault);
  // Parsed at the edge: the check above is what makes it an event.
  const event = value as IncomingEvent;
  const id = event.id ?? ownId(event, bytes, ids);
  const time = event.time ?? missingTime(event) ?? now;
  const missing =
    (event.id === undefined ? `"id":${JSON.stringify(id)},` : "") +
    (event.time === undefined ? `"time":"${time}",` : "");
  return { record: recordOf(event, id, bytes, asLine(bytes, missing)), isIdOurs: event.id === undefined };
}

function readForeign(
  dialect: Dialect,
  text: string,
  bytes: Uint8Array,
  ids: Ids,
  now: string,
): ReadItem | Rejection {
  const payload = decodeJson(text);
  if (!isPayload(payload)) return NOT_AN_OBJECT;
  const result = dialect.read(payload, { hash: fingerprint(bytes), now, mintId: () => ids.uuidv7() });
  if ("fault" in result) return rejectionOf(result.fault);
  const isOfBus = dialect.name === BUS;
  const event = isOfBus ? withWaitingId(result.event) : result.event;
  const record = recordOf(event, event.id, bytes, Buffer.from(encodeEvent(event)));
  return { record: isOfBus ? forBinding(record, event) : record, isIdOurs: true };
}

/**
 * Whoever sends the same end again sends the same id. For anything else we cannot know that it is the same.
 */
function ownId(event: IncomingEvent, bytes: Uint8Array, ids: Ids): string {
  const { runId } = event;
  if (runId === undefined || !isPiece(event)) return missingId(event, ids);
  return deriveId(runId, `piece:${fingerprint(bytes)}`);
}

function recordOf(event: IncomingEvent, id: string, received: Uint8Array, body: Uint8Array): NewRecord {
  const { runId, run } = event;
  const orderKey = event.traceId ?? runId;
  const end = run !== undefined && isComplete(event) ? runEndOf(run) : undefined;
  return {
    id,
    kindCode: kindCode(event.kind),
    flags: isPiece(event) ? FLAG_PARTIAL : 0,
    ...(runId !== undefined && { runId }),
    ...(orderKey !== undefined && { orderKey }),
    received: new Received(received),
    body,
    ...(end !== undefined && { end }),
  };
}

/** Tells which form an item is in by the keys that each requires. */
function formOf(value: unknown): ItemForm | Rejection {
  if (!isPayload(value)) return NOT_AN_OBJECT;
  const forms: ItemForm[] = [...dialectsOf(value)];
  if (Object.hasOwn(value, "kind")) forms.unshift(CANONICAL);
  const [only, ...others] = forms;
  if (only === undefined) return UNKNOWN;
  return others.length === 0 ? only : ambiguous(forms);
}

function isPayload(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
function ambiguous(forms: readonly ItemForm[]): Rejection {
  const names = forms.map((form) => `?dialect=${form === CANONICAL ? CANONICAL : form.name}`);
  return {
    status: 400,
    code: "ambiguous_dialect",
    field: "kind",
    detail: `This has the keys of more than one form. Say which with ${names.join(" or ")}.`,
  };
}

const UNKNOWN: Rejection = {
  status: 400,
  code: "missing_field",
  field: "kind",
  detail: `kind is missing, and the other keys are those of no known form (${FORM_NAMES.join(", ")}).`,
};
