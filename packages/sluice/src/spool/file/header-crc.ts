/**
 * CRC-32 of the 60 bytes of a record header, equal to zlib's. A call into zlib costs 150 ns however little
 * there is to do, and this is done for every record that is written or read; four table look-ups a word take
 * 60.
 */
const HEADER_WORDS = 15;
const POLYNOMIAL = 0xedb88320;

const [TABLE_0, TABLE_1, TABLE_2, TABLE_3] = buildTables();

export function headerCrc(view: DataView, start: number, seed: number): number {
  let sum = ~seed;
  const end = start + HEADER_WORDS * 4;
  for (let at = start; at < end; at += 4) {
    sum ^= view.getInt32(at, true);
    sum =
      (TABLE_3[sum & 255] ?? 0) ^
      (TABLE_2[(sum >>> 8) & 255] ?? 0) ^
      (TABLE_1[(sum >>> 16) & 255] ?? 0) ^
      (TABLE_0[sum >>> 24] ?? 0);
  }
  return ~sum >>> 0;
}

/** Table n tells what a byte does to the sum n bytes later. */
function buildTables(): [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1;
    first[byte] = sum;
  }
  const after = (table: Int32Array) => table.map((sum) => (first[sum & 255] ?? 0) ^ (sum >>> 8));
  const second = after(first);
  const third = after(second);
  return [first, second, third, after(third)];
}
