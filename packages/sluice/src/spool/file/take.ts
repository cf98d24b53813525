import type { ReadLimit } from "../spool.ts";
import type { StoredRecord } from "../stored-record.ts";

/**
 * Adds records from an index of `source` on to what a read has found, until its limit is reached, and returns
 * the index of the first that was left. The first of all is taken whatever its size.
 *
 * A plain function on purpose, as this runs for every record that is read: code for an object or a closure
 * that lives for one read is thrown away at the next garbage collection, for want of anybody who has it, and
 * the reads behind that are interpreted (measured: a sixth of reading).
 */
export function takeRecords(
  source: readonly StoredRecord[],
  from: number,
  taken: StoredRecord[],
  limit: ReadLimit,
): number {
  let bytes = 0;
  for (const { body } of taken) bytes += body.length;
  let index = from;
  for (; index < source.length; index++) {
    const record = source[index];
    if (!record) break;
    bytes += record.body.length;
    if (taken.length > 0 && (taken.length >= limit.records || bytes > limit.bytes)) break;
    taken.push(record);
  }
  return index;
}
