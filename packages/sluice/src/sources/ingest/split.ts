import { EVENT_LIMITS, type ScanFault, type ScannedItem, scanJson } from "@sluice/sdk/internal";
import { fieldAt } from "./field-at.ts";
import type { Rejection } from "./outcome.ts";

/** One event as it was received: its own bytes, without white space around them. */
export interface Item {
  readonly bytes: Uint8Array;
  /** What the scan found wrong with it. Its bytes must not be parsed then. */
  readonly fault?: Rejection;
}

export type Form = "json" | "ndjson";

/**
 * Takes a body apart without parsing it. JSON is one event or an array of them; a JSON body with more than
 * one value in it is read as lines, which is what those who send it mean. In lines, a bad one costs only
 * itself; a broken array has no items that one could trust to be whole.
 */
export function splitBody(body: Uint8Array, form: Form, itemsMax: number): readonly Item[] | Rejection {
  const bytes = withoutMark(body);
  if (form === "ndjson") return splitLines(bytes, itemsMax);
  const { shape, items, offset } = scanJson(bytes, EVENT_LIMITS, itemsMax);
  switch (shape) {
    case "empty":
      return EMPTY;
    case "broken":
      // What was whole before it tells which item is meant.
      return { ...malformed(bytes, items.at(-1)?.end ?? 0, offset), index: items.length };
    case "several":
      return splitLines(bytes, itemsMax);
    default:
      if (items.length > itemsMax) return tooMany(itemsMax);
      if (items.length === 0) return EMPTY;
      return items.map((item) => toItem(bytes, item));
  }
}

const LINE_FEED = 0x0a;
const OBJECT_OPEN = 0x7b;

function splitLines(bytes: Uint8Array, itemsMax: number): readonly Item[] | Rejection {
  const items: Item[] = [];
  for (let start = 0; start < bytes.length; ) {
    const next = bytes.indexOf(LINE_FEED, start);
    const end = next < 0 ? bytes.length : next;
    const item = lineItem(bytes.subarray(start, end));
    if (item !== undefined) items.push(item);
    if (items.length > itemsMax) return tooMany(itemsMax);
    start = end + 1;
  }
  return items.length === 0 ? EMPTY : items;
}

/** Undefined for a line with nothing on it. */
function lineItem(line: Uint8Array): Item | undefined {
  const { shape, items, offset } = scanJson(line, EVENT_LIMITS, 1);
  switch (shape) {
    case "empty":
      return undefined;
    case "one": {
      const [only] = items;
      return only === undefined ? undefined : toItem(line, only);
    }
    case "array":
      return { bytes: line, fault: NOT_AN_OBJECT };
    case "several":
    case "broken":
      return { bytes: line, fault: malformed(line, 0, offset) };
    default:
      return assertNever(shape);
  }
}

function toItem(text: Uint8Array, { start, end, fault }: ScannedItem): Item {
  const bytes = text.subarray(start, end);
  return fault === undefined
    ? { bytes }
    : { bytes, fault: rejectionOf(bytes, fault.code, fault.offset - start) };
}

/** The byte order mark that some editors and Windows tools put first. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

const FAULTS: Readonly<Record<ScanFault["code"], string>> = {
  invalid_utf8: "is not UTF-8",
  too_deep: `is nested deeper than ${EVENT_LIMITS.depth} levels`,
  too_many_keys: `has an object with more than ${EVENT_LIMITS.keysPerObject} keys`,
  too_many_values: `has more than ${EVENT_LIMITS.nodes} values`,
  string_too_long: `has a string of more than ${EVENT_LIMITS.stringBytes} bytes`,
  key_too_long: `has a key of more than ${EVENT_LIMITS.keyBytes} bytes`,
};

function rejectionOf(event: Uint8Array, code: ScanFault["code"], offset: number): Rejection {
  const detail = `The event ${FAULTS[code]}, from its byte ${offset} on.`;
  return { status: code === "invalid_utf8" ? 400 : 422, code, field: fieldAt(event, offset), detail };
}

const EMPTY: Rejection = { status: 400, code: "empty_body", detail: "The body has no event in it." };
const NOT_AN_OBJECT: Rejection = {
  status: 400,
  code: "invalid_field",
  field: "",
  detail: "An event must be a JSON object; with newline-delimited JSON, one on each line.",
};

/** `start` is where the item may begin that goes wrong at `offset`. */
function malformed(bytes: Uint8Array, start: number, offset: number): Rejection {
  const brace = Math.max(0, bytes.indexOf(OBJECT_OPEN, start));
  return {
    status: 400,
    code: "malformed_json",
    field: fieldAt(bytes.subarray(brace), offset - brace),
    detail: `This is not JSON: it goes wrong at byte ${offset}.`,
  };
}

function tooMany(itemsMax: number): Rejection {
  const detail = `More than ${itemsMax} events in one request. Send them in several.`;
  return { status: 413, code: "too_many_items", detail };
}

function assertNever(value: never): never {
  throw new TypeError(`unexpected shape ${String(value)}`);
}
