/** A varint is its 64 bits without a sign; a length-delimited field is a view of its bytes. */
export type WireValue = bigint | Uint8Array;

const VARINT_BYTES_MAX = 10;

/**
 * Reads one message of protobuf's wire format, field by field, and says undefined, or what is wrong with the
 * bytes; then what was told up to there is worth nothing. Fields of 32 and 64 fixed bits are passed over,
 * since no message that is read here has one.
 */
export function eachField(
  bytes: Uint8Array,
  onField: (number: number, value: WireValue) => void,
): string | undefined {
  let at = 0;

  /** Undefined when the varint does not end within the bytes, or is longer than one may be. */
  function varint(): bigint | undefined {
    let value = 0n;
    for (let index = 0; index < VARINT_BYTES_MAX; index++) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return undefined;
  }

  while (at < bytes.length) {
    const start = at;
    const tag = varint();
    if (tag === undefined) return `the tag at byte ${start} does not end`;
    const number = Number(tag >> 3n);
    if (number === 0) return `the field at byte ${start} has the number 0`;
    switch (Number(tag & 7n)) {
      case 0: {
        const value = varint();
        if (value === undefined) return `the number of field ${number} at byte ${start} does not end`;
        onField(number, value);
        break;
      }
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (length === undefined) return `the length of field ${number} at byte ${start} does not end`;
        // Whether they are all there is looked at below.
        onField(number, bytes.subarray(at, at + Number(length)));
        at += Number(length);
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        return `field ${number} at byte ${start} has the wire type ${tag & 7n}`;
    }
    if (at > bytes.length) return `field ${number} at byte ${start} is longer than the message`;
  }
  return undefined;
}
