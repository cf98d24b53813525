const NANOS_PER_MS = 1_000_000n;
/** Where the fourth digit of a fraction stands: what is before it, `Date` reads. */
const BELOW_MS_AT = "2026-01-01T00:00:00.000".length;
const DIGITS_BELOW_MS = 6;

/**
 * Nanoseconds since 1970 of a time as events spell it: RFC 3339 in UTC, with up to nine digits behind the
 * point. Before 1970 is 0, as the field has no sign. Throws for what is no time.
 */
export function nanosOf(time: string): bigint {
  const nanos = BigInt(Date.parse(time)) * NANOS_PER_MS;
  if (nanos < 0n) return 0n;
  const below = nanosBelowMs(time);
  return below === 0 ? nanos : nanos + BigInt(below);
}

/** What the digits behind the milliseconds say; `Date` leaves them out without rounding. */
function nanosBelowMs(time: string): number {
  let nanos = 0;
  for (let index = 0; index < DIGITS_BELOW_MS; index++) {
    const digit = time.charCodeAt(BELOW_MS_AT + index) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return nanos * 10 ** (DIGITS_BELOW_MS - index);
    nanos = nanos * 10 + digit;
  }
  return nanos;
}
