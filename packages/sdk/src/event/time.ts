/**
 * Is this a moment as events spell it: RFC 3339 in UTC, down to nanoseconds? A day that its month lacks is
 * none, nor is a leap second. Written by hand because every event has up to four of them, and a pattern with
 * Date.parse costs five times this.
 */
export function isUtcTime(text: string): boolean {
  if (!hasMarks(text)) return false;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  return (
    year >= 0 &&
    isWithin(month, 1, 12) &&
    isWithin(day, 1, daysIn(year, month)) &&
    isWithin(digits(text, 11, 13), 0, 23) &&
    isWithin(digits(text, 14, 16), 0, 59) &&
    isWithin(digits(text, 17, 19), 0, 59) &&
    isZone(text, afterFraction(text))
  );
}

const DASH = 0x2d;
const COLON = 0x3a;
const LETTER_T = 0x54;
const DOT = 0x2e;
const FRACTION_DIGITS_MAX = 9;

function hasMarks(text: string): boolean {
  return (
    text.charCodeAt(4) === DASH &&
    text.charCodeAt(7) === DASH &&
    text.charCodeAt(10) === LETTER_T &&
    text.charCodeAt(13) === COLON &&
    text.charCodeAt(16) === COLON
  );
}

const isWithin = (value: number, low: number, high: number) => value >= low && value <= high;
const isDigit = (code: number) => code >= 0x30 && code <= 0x39;

/** The number that stands there, or -1. */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (!isDigit(code)) return -1;
    value = value * 10 + code - 0x30;
  }
  return value;
}

/** Where the zone begins; -1 if there is a dot and no fraction, or too long a one. */
function afterFraction(text: string): number {
  if (text.charCodeAt(19) !== DOT) return 19;
  let at = 20;
  while (isDigit(text.charCodeAt(at))) at++;
  return isWithin(at - 20, 1, FRACTION_DIGITS_MAX) ? at : -1;
}

function isZone(text: string, at: number): boolean {
  if (at < 0) return false;
  return (
    (text.length === at + 1 && text.endsWith("Z")) || (text.length === at + 6 && text.endsWith("+00:00"))
  );
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return isLeap ? 29 : 28;
}
