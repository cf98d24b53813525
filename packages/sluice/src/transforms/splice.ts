const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const R = 0x72;
const U = 0x75;
const N = 0x6e;

const RUN = Buffer.from('"run"');
/** How a key would have to be written that is `run`, and does not look like it. */
const ESCAPED = Buffer.from("\\u00");

/**
 * An event with more members in its `run`, in front of those that are there; every other byte is as it was.
 * `members` is JSON as `"name":value,`, with a comma behind each. The bytes are an event that was parsed
 * before, with a run that has members. @throws where there is none.
 */
export function withRunMembers(event: Uint8Array, members: string): Uint8Array {
  const at = runMembersAt(Buffer.from(event.buffer, event.byteOffset, event.length));
  if (at === undefined) throw new TypeError("the event has no run");
  const spliced = Buffer.allocUnsafe(event.length + Buffer.byteLength(members));
  spliced.set(event.subarray(0, at));
  const end = at + spliced.write(members, at);
  spliced.set(event.subarray(at), end);
  return spliced;
}

/**
 * Where the members of the run begin. Of a key that stands twice the last one counts (E7), so the rest is
 * looked through if anything in it may be that key: a run mostly comes last, and then this reads what stands
 * in front of it and no more.
 */
function runMembersAt(bytes: Buffer): number | undefined {
  let found: number | undefined;
  let depth = 0;
  let isKey = false;
  let isRun = false;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case QUOTE: {
        const end = closingQuote(bytes, at + 1);
        if (depth === 1 && isKey) isRun = isRunKey(bytes, at, end);
        at = end;
        break;
      }
      case OBJECT_OPEN:
        depth++;
        if (depth === 1) isKey = true;
        else if (depth === 2 && isRun) {
          found = at + 1;
          if (!mayHaveAnother(bytes, found)) return found;
        }
        break;
      case ARRAY_OPEN:
        depth++;
        break;
      case OBJECT_CLOSE:
      case ARRAY_CLOSE:
        depth--;
        break;
      case COLON:
        if (depth === 1) isKey = false;
        break;
      case COMMA:
        if (depth === 1) {
          isKey = true;
          isRun = false;
        }
        break;
    }
  }
  return found;
}

/** Most strings of an envelope are short, and a search costs as much as looking at so many bytes. */
const LOOK_BYTES = 64;

function closingQuote(bytes: Buffer, from: number): number {
  for (let at = from; at < from + LOOK_BYTES; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) break;
  }
  for (let at = bytes.indexOf(QUOTE, from); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let before = at;
    while (bytes[before - 1] === BACKSLASH) before--;
    if ((at - before) % 2 === 0) return at;
  }
  return bytes.length;
}

function isRunKey(bytes: Buffer, quote: number, end: number): boolean {
  const length = end + 1 - quote;
  if (length === RUN.length)
    return bytes[quote + 1] === R && bytes[quote + 2] === U && bytes[quote + 3] === N;
  // With escapes it is longer by five bytes, ten or fifteen.
  if (length < RUN.length || length > RUN.length + 15 || (length - RUN.length) % 5 !== 0) return false;
  const text = bytes.toString("utf8", quote, end + 1);
  return text.includes("\\u00") && JSON.parse(text) === "run";
}

function mayHaveAnother(bytes: Buffer, from: number): boolean {
  return bytes.includes(RUN, from) || bytes.includes(ESCAPED, from);
}
