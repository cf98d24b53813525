/** A backend may ask for patience, not for for ever. */
const RETRY_AFTER_MS_MAX = 3_600_000;

/**
 * How long a Retry-After header asks us to wait, clamped to an hour; both of its forms. What says nothing
 * useful (none, zero, negative, in the past, not a number) is undefined: our own back-off decides.
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : dateMs(text) - nowMs;
  if (Number.isNaN(waitMs) || waitMs <= 0) return undefined;
  return Math.min(waitMs, RETRY_AFTER_MS_MAX);
}

/** Only what looks like an HTTP date: `Date.parse` also takes "-5" for a year. */
function dateMs(text: string): number {
  return /^[A-Z][a-z]+, ?\d{2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
}
