/** A UTF-16 unit takes no more in UTF-8. */
const UNIT_BYTES_MAX = 3;
/** Most texts have few characters beyond ASCII: room for them as a part of the length. */
const BEYOND_ASCII = 1 / 16;
const COMMA = 0x2c;

/**
 * The bytes of a JSON list of these texts, between a head and a tail. Written one by one into their place:
 * joined to one text first, a single character beyond Latin-1 would double all of it, and counting the bytes
 * of that would take as long as writing them.
 */
export function jsonList(head: string, texts: readonly string[], tail: string): Uint8Array {
  let units = head.length + tail.length + texts.length;
  for (const text of texts) units += text.length;
  let bytes = Buffer.allocUnsafeSlow(Math.ceil(units * (1 + BEYOND_ASCII)));
  let at = 0;
  const put = (text: string) => {
    // One byte more, for a comma.
    if (at + text.length * UNIT_BYTES_MAX >= bytes.length) {
      const needed = at + Buffer.byteLength(text) + 1;
      if (needed > bytes.length) bytes = grown(bytes, at, Math.max(needed, 2 * bytes.length));
    }
    at += bytes.write(text, at);
  };
  put(head);
  for (const [index, text] of texts.entries()) {
    if (index > 0) bytes[at++] = COMMA;
    put(text);
  }
  put(tail);
  return bytes.subarray(0, at);
}

function grown(bytes: Buffer, filled: number, sizeBytes: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(sizeBytes);
  larger.set(bytes.subarray(0, filled));
  return larger;
}
