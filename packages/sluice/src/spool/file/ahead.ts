/**
 * The results of `start` for each item, in order, while the next few are on their way already. A spool may
 * have ten thousand segments, and every trip to the thread pool costs a wait: one after the other they are
 * what a start takes. Where the caller stops early, or one rejects, `release` gets what had come of the rest.
 */
export async function* ahead<Item, Result>(
  items: readonly Item[],
  start: (item: Item) => Promise<Result>,
  release?: (result: Result) => Promise<void>,
): AsyncGenerator<Result> {
  const started: Promise<Result>[] = [];
  let next = 0;
  try {
    while (next < items.length || started.length > 0) {
      for (const item of items.slice(next, next + AHEAD_MAX - started.length)) {
        next++;
        const result = start(item);
        // Its turn to be told comes when it is awaited.
        result.catch(() => {});
        started.push(result);
      }
      const first = started.shift();
      if (first) yield await first;
    }
  } finally {
    for (const result of await Promise.allSettled(started)) {
      if (result.status === "fulfilled") await release?.(result.value);
    }
  }
}

/** Twice the threads of the pool: there is always one that waits for each of them. */
const AHEAD_MAX = 8;
