/**
 * Sizes and durations as people write them. Both refuse what they do not know, instead of guessing a unit.
 */

const BYTES_PER: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1_000,
  mb: 1_000_000,
  gb: 1_000_000_000,
  tb: 1_000_000_000_000,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

const MS_PER: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const AMOUNT = /^(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]+)$/i;

/** Bytes of "5 GiB", "512MB" or "100 b"; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  return parse(text, BYTES_PER);
}

/** Milliseconds of "24h", "1.5 s" or "200ms"; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return parse(text, MS_PER);
}

function parse(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = AMOUNT.exec(text.trim());
  const amount = match?.[1];
  const unit = match?.[2]?.toLowerCase();
  if (amount === undefined || unit === undefined || !Object.hasOwn(units, unit)) return undefined;
  const value = Math.round(Number(amount) * (units[unit] ?? Number.NaN));
  return Number.isSafeInteger(value) ? value : undefined;
}
