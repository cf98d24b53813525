import { decodeJson } from "../../codec.ts";
import { type EventFault, invalid } from "../../fields.ts";
import { isPayloadObject } from "../foreign.ts";
import { validateStreamEvent } from "./form.ts";
import type { StreamEvent } from "./stream-event.ts";

/**
 * Reads one line of JSON. Numbers keep their text, unknown types and members survive, so that
 * `encodeStreamEvent` writes the line again as it was. Never throws: what is wrong comes as a fault.
 */
export function parseStreamEvent(
  line: string,
): { readonly event: StreamEvent } | { readonly fault: EventFault } {
  try {
    const value = decodeJson(line);
    const fault = isPayloadObject(value) ? validateStreamEvent(value) : invalid("", "must be an object");
    // Parsed at the edge: the check above is what makes it an event.
    return fault === undefined ? { event: value as unknown as StreamEvent } : { fault };
  } catch {
    // JSON.parse quotes the text it stumbled over, which is nobody's business.
    return { fault: invalid("", "is not JSON") };
  }
}

/**
 * One line of JSON, the same as `JSON.stringify` writes. A text delta, of which an answer has hundreds, costs
 * less than half: nearly all are plain text, which needs no more than a template around it. Throws what
 * `JSON.stringify` throws, for data that is no JSON.
 */
export function encodeStreamEvent(event: object): string {
  if (!isTextDelta(event)) return JSON.stringify(event);
  const { data, timestamp } = event;
  const { text } = data;
  if (typeof text !== "string" || !isPlain(timestamp)) return JSON.stringify(event);
  const quoted = isPlain(text) ? `"${text}"` : JSON.stringify(text);
  return `{"type":"TextDelta","data":{"text":${quoted}},"timestamp":"${timestamp}"}`;
}

/** Longer than a token or a time stamp ever is; from there on JSON.stringify is faster at looking. */
const PLAIN_CHARS_MAX = 64;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SURROGATES_FROM = 0xd800;
const SURROGATES_TO = 0xdfff;

/** Is this a short text of which JSON.stringify would escape nothing? Pairs of surrogates are not looked at. */
function isPlain(text: unknown): boolean {
  if (typeof text !== "string" || text.length > PLAIN_CHARS_MAX) return false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < SPACE || code === QUOTE || code === BACKSLASH) return false;
    if (code >= SURROGATES_FROM && code <= SURROGATES_TO) return false;
  }
  return true;
}

function isTextDelta(event: object): event is StreamEvent {
  if (!isShaped(event)) return false;
  const { type, data } = event;
  return type === "TextDelta" && typeof data === "object" && data !== null && hasTextOnly(data);
}

/** These members in this order. `for … in`, because V8 keeps the names of a shape ready for it. */
function isShaped(event: object): event is { readonly type: unknown; readonly data: unknown } {
  let at = 0;
  for (const name in event) if (name !== MEMBERS[at++]) return false;
  return at === MEMBERS.length;
}

const MEMBERS = ["type", "data", "timestamp"];

function hasTextOnly(data: object): boolean {
  let members = 0;
  for (const name in data) if (name !== "text" || members++ > 0) return false;
  return members === 1;
}
