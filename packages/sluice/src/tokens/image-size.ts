export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A JPEG's size may stand behind its profile and its preview; what lies further in is not looked for. */
const BYTES_MAX = 256 * 1024;

/** The size of a picture that a request carries as a data URL, PNG or JPEG; undefined where it is not known. */
export function imageSizeOf(url: unknown): Size | undefined {
  if (typeof url !== "string") return undefined;
  const start = /^data:image\/[a-z+.-]{1,20};base64,/.exec(url)?.[0].length;
  if (start === undefined) return undefined;
  const bytes = Buffer.from(url.slice(start, start + Math.ceil((BYTES_MAX * 4) / 3)), "base64");
  const size = isPng(bytes) ? pngSize(bytes) : jpegSize(bytes);
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
}

const PNG_SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const PNG_WIDTH_AT = 16;
const PNG_HEIGHT_AT = 20;

function isPng(bytes: Buffer): boolean {
  return bytes.length >= PNG_HEIGHT_AT + 4 && bytes.subarray(0, PNG_SIGNATURE.length).equals(PNG_SIGNATURE);
}

function pngSize(bytes: Buffer): Size {
  return { width: bytes.readUInt32BE(PNG_WIDTH_AT), height: bytes.readUInt32BE(PNG_HEIGHT_AT) };
}

/** Walks the segments (0xff, a marker, a length) up to the frame's head: C0 to CF but C4, C8 and CC. */
function jpegSize(bytes: Buffer): Size | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return undefined;
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + Math.max(2, bytes.readUInt16BE(at + 2));
  }
  return undefined;
}
