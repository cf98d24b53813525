import { isUtf8 } from "node:buffer";

/** Where the longest valid prefix of bytes that are not UTF-8 ends: the offset to name in a complaint. */
export function firstInvalidUtf8(bytes: Uint8Array): number {
  let valid = 0;
  let invalid = bytes.length;
  while (valid < invalid) {
    const middle = Math.ceil((valid + invalid) / 2);
    // A prefix may end inside a character, which is not what we look for: up to three bytes of it are left
    // off.
    if (isUtf8(bytes.subarray(0, wholeCharacters(bytes, middle)))) valid = middle;
    else invalid = middle - 1;
  }
  return wholeCharacters(bytes, valid);
}

/** `end`, or the start of the character that `end` would cut. */
function wholeCharacters(bytes: Uint8Array, end: number): number {
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back] ?? 0;
    if (byte < 0x80) return end;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 0;
    if (length > back) return end - back;
    if (length > 0) return end;
  }
  return end;
}
