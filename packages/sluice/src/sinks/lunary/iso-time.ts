/**
 * Milliseconds and UTC; a time that cannot be read gives way to `otherwise`, and that one to the start of
 * time.
 */
export function isoTime(time: string, otherwise: string): string {
  const parsed = Date.parse(time);
  if (!Number.isNaN(parsed)) return new Date(parsed).toISOString();
  return new Date(Date.parse(otherwise) || 0).toISOString();
}
