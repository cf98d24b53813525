/**
 * Milliseconds and UTC; a time that cannot be read gives way to `otherwise`, and that one to the start of
 * time.
 */
export function isoTime(time: string, otherwise: string): string {
  return new Date(timeMs(time, otherwise)).toISOString();
}

export function timeMs(time: string, otherwise: string): number {
  const parsed = Date.parse(time);
  return Number.isNaN(parsed) ? Date.parse(otherwise) || 0 : parsed;
}
