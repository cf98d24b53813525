/** Up to this length a loop over the characters is faster than a call into the runtime. */
const SHORT_CHARS_MAX = 48;
const ASCII_MAX = 0x7f;
const TWO_TO_32 = 2 ** 32;
/** The longest varint. */
const VARINT_BYTES_MAX = 10;
const NO_DIGIT = 0xff;
const HEX_DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? NO_DIGIT : digit;
});

/** Protobuf's wire format, in memory that doubles when it is full: what an encoder needs below messages. */
export class ProtoBytes {
  #bytes: Buffer<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #at = 0;

  constructor(firstBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(firstBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Everything so far. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A whole number from 0 to 2^32 - 1. */
  varint(value: number): void {
    this.#makeRoom(VARINT_BYTES_MAX);
    this.#at = putVarint(this.#bytes, this.#at, value);
  }

  /** A whole number of 64 bits with a sign. Modulo 2^32 is two's complement, also below zero. */
  int64(value: number): void {
    if (value >= 0 && value < TWO_TO_32) this.varint(value);
    else this.#varint64(value >>> 0, Math.floor(value / TWO_TO_32) >>> 0);
  }

  bigInt64(value: bigint): void {
    this.#varint64(Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
  }

  fixed32(value: number): void {
    this.#makeRoom(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  fixed64(value: bigint): void {
    this.#makeRoom(8);
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
  }

  double(value: number): void {
    this.#makeRoom(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** With its length in front. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.#makeRoom(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Hex digits as bytes, with their length in front. Other digits are a bug of the caller's. */
  hex(digits: string): void {
    const sizeBytes = digits.length >> 1;
    this.varint(sizeBytes);
    this.#makeRoom(sizeBytes);
    let seen = digits.length & 1;
    for (let index = 0; index < sizeBytes; index++) {
      const high = HEX_DIGITS[digits.charCodeAt(2 * index)] ?? NO_DIGIT;
      const low = HEX_DIGITS[digits.charCodeAt(2 * index + 1)] ?? NO_DIGIT;
      seen |= (high | low) > 0xf ? 1 : 0;
      this.#bytes[this.#at++] = (high << 4) | low;
    }
    if (seen !== 0) throw new TypeError(`"${digits}" is not an id in hex`);
  }

  /** UTF-8 with its length in front. Half a surrogate pair becomes U+FFFD. */
  text(text: string): void {
    const { length } = text;
    if (length > SHORT_CHARS_MAX) {
      this.#longText(text);
      return;
    }
    this.#makeRoom(length + 1);
    const bytes = this.#bytes;
    let at = this.#at;
    // The length of a short text takes one byte.
    bytes[at++] = length;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > ASCII_MAX) {
        this.#longText(text);
        return;
      }
      bytes[at++] = code;
    }
    this.#at = at;
  }

  #longText(text: string): void {
    const sizeBytes = Buffer.byteLength(text);
    this.varint(sizeBytes);
    this.#makeRoom(sizeBytes);
    this.#bytes.write(text, this.#at, sizeBytes);
    this.#at += sizeBytes;
  }

  /** Leaves room for the length of a message that follows. Its place is what `close` needs. */
  open(lengthBytes: number): number {
    this.#makeRoom(lengthBytes);
    const start = this.#at;
    this.#at += lengthBytes;
    return start;
  }

  /** Writes the length into its room, and moves the message if the room has another size. */
  close(start: number, lengthBytes: number): void {
    const sizeBytes = this.#at - start - lengthBytes;
    const neededBytes = lengthBytesOf(sizeBytes);
    if (neededBytes !== lengthBytes) {
      this.#makeRoom(VARINT_BYTES_MAX);
      this.#bytes.copyWithin(start + neededBytes, start + lengthBytes, this.#at);
      this.#at += neededBytes - lengthBytes;
    }
    putVarint(this.#bytes, start, sizeBytes);
  }

  #varint64(low: number, high: number): void {
    this.#makeRoom(VARINT_BYTES_MAX);
    let lowRest = low;
    let highRest = high;
    while (highRest > 0) {
      this.#bytes[this.#at++] = (lowRest & 0x7f) | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    this.#at = putVarint(this.#bytes, this.#at, lowRest);
  }

  #makeRoom(sizeBytes: number): void {
    const needed = this.#at + sizeBytes;
    if (needed > this.#bytes.length) this.#grow(needed);
  }

  #grow(needed: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    bytes.set(this.written);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** How many bytes a length takes. */
export function lengthBytesOf(sizeBytes: number): number {
  if (sizeBytes < 0x80) return 1;
  if (sizeBytes < 0x4000) return 2;
  if (sizeBytes < 0x20_0000) return 3;
  return sizeBytes < 0x1000_0000 ? 4 : 5;
}

function putVarint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}
