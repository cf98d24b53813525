const SECONDS_LENGTH = "2026-01-01T00:00:00".length;
const FRACTION_DIGITS = 9;
const NANOS_PER_MS = 1_000_000n;

/**
 * Nanoseconds since 1970 of a time as events spell it: RFC 3339 in UTC, with up to nine digits behind the
 * point. Before 1970 is 0, as the field has no sign. Throws for what is no time.
 */
export function nanosOf(time: string): bigint {
  const wholeMs = Date.parse(`${time.slice(0, SECONDS_LENGTH)}Z`);
  const nanos = BigInt(wholeMs) * NANOS_PER_MS + BigInt(fractionNanos(time));
  return nanos < 0n ? 0n : nanos;
}

function fractionNanos(time: string): number {
  if (time.charCodeAt(SECONDS_LENGTH) !== 0x2e) return 0;
  let nanos = 0;
  let digits = 0;
  for (let at = SECONDS_LENGTH + 1; digits < FRACTION_DIGITS; at++, digits++) {
    const digit = time.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) break;
    nanos = nanos * 10 + digit;
  }
  return nanos * 10 ** (FRACTION_DIGITS - digits);
}
