import type { LogFormat } from "./torn-tail.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** One event a line, exactly as it was spooled. */
export const jsonlFormat: LogFormat = {
  terminator: "\n",
  starts: "{",
  isWhole(text) {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false; // Not JSON: that is the answer.
    }
  },
};

/**
 * The line for an event, without its line feed: the raw slice itself unless it spans lines. Valid JSON has
 * line breaks only between its tokens, never inside a string, so a space in their place says the same and no
 * number changes its text.
 */
export function jsonlEntry(raw: Uint8Array): Uint8Array {
  if (!raw.includes(LINE_FEED) && !raw.includes(CARRIAGE_RETURN)) return raw;
  return raw.map((byte) => (byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte));
}
