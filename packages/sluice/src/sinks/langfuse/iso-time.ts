/**
 * Milliseconds and UTC with a Z, which Langfuse asks for; a time that cannot be read gives way to
 * `otherwise`, and that one to the start of time.
 */
export function isoTime(time: string, otherwise: string): string {
  const parsed = Date.parse(time);
  return new Date(Number.isNaN(parsed) ? Date.parse(otherwise) || 0 : parsed).toISOString();
}
