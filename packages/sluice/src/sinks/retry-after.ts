/** A backend may ask for patience, not for for ever. */
const RETRY_AFTER_MS_MAX = 3_600_000;

/**
 * How long a Retry-After header asks us to wait, clamped to an hour; both of its forms. What says nothing
 * useful (none, zero, negative, in the past, not a number) is undefined: our own back-off decides.
 */
export function retryAfterMs(header: string | undefined, nowMs: number, date?: string): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : dateMs(text) - askedAtMs(date, nowMs);
  if (Number.isNaN(waitMs) || waitMs <= 0) return undefined;
  return Math.min(waitMs, RETRY_AFTER_MS_MAX);
}

/** By the clock that the date was written with: ours may be years off. */
function askedAtMs(date: string | undefined, nowMs: number): number {
  const theirsMs = date === undefined ? Number.NaN : dateMs(date.trim());
  return Number.isNaN(theirsMs) ? nowMs : theirsMs;
}

/** Only what looks like an HTTP date: `Date.parse` also takes "-5" for a year. */
function dateMs(text: string): number {
  return /^[A-Z][a-z]+, ?\d{2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
}
