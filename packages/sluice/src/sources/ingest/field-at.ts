const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OBJECT_OPEN = 0x7b;
const OPENING: ReadonlySet<number> = new Set([0x5b, OBJECT_OPEN]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** An answer names only fields that we know: another name is the sender's own text, which may be secret. */
const KNOWN: ReadonlySet<string> = new Set(
  (
    "id kind time scope runId parentRunId traceId session tags metadata run tool data origin " +
    "type event name timestamp input output userId userProps params extra tokensUsage error feedback"
  ).split(" "),
);

/**
 * The top-level field of an event in which the byte at `offset` stands, for bytes that could not be parsed.
 * "" is the event itself, or a field that we do not know. For messages: where brackets do not balance it may
 * name a neighbour.
 */
export function fieldAt(bytes: Uint8Array, offset: number): string {
  const until = Math.min(offset, bytes.length);
  let depth = 0;
  let isKey = false;
  let field = "";
  for (let at = 0; at < until; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      const end = closingQuote(bytes, at + 1, until);
      if (depth === 1 && isKey) field = Buffer.from(bytes.subarray(at + 1, end)).toString("latin1");
      at = end;
    } else if (OPENING.has(byte)) {
      depth++;
      if (depth === 1) isKey = byte === OBJECT_OPEN;
    } else if (CLOSING.has(byte)) depth--;
    else if (depth === 1 && byte === COLON) isKey = false;
    else if (depth === 1 && byte === COMMA) isKey = true;
  }
  return KNOWN.has(field) ? field : "";
}

function closingQuote(bytes: Uint8Array, from: number, until: number): number {
  let at = from;
  while (at < until && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}
