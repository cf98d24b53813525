/**
 * The kinds that sluice knows, with the code that stands in a record header (one byte; 0 is any custom kind).
 * A code is never reused. `run.delta` is live only: it is never spooled and so has none.
 */
export const KIND_CODES = {
  "run.started": 1,
  "run.ended": 2,
  "tool.called": 3,
  "run.scored": 4,
  "session.created": 5,
  "session.updated": 6,
  "session.ended": 7,
  "init.started": 8,
  "init.succeeded": 9,
  "init.failed": 10,
  "cache.hit": 11,
  "cache.miss": 12,
} as const;

/** A kind that sluice knows; an event may have any other. */
export type Kind = keyof typeof KIND_CODES;
/** The code of every kind that sluice does not know. */
export const CUSTOM_KIND_CODE = 0;

/** The code of a kind in a record header. */
export function kindCode(kind: string): number {
  return Object.hasOwn(KIND_CODES, kind) ? KIND_CODES[kind as Kind] : CUSTOM_KIND_CODE;
}

/** Is a kind one that somebody asked for? `run.*` stands for all that begin with "run.". */
export function matchesKind(kind: string, wanted: string): boolean {
  return wanted.endsWith("*") ? kind.startsWith(wanted.slice(0, -1)) : kind === wanted;
}
