import type { Outgoing } from "../define.ts";

/** Starts that are remembered, and the sum of their sizes: enough for what runs at one time. */
const STARTS_MAX = 2_000;
const BYTES_MAX = 16 * 1024 * 1024;

/**
 * The starts of model calls that go on, which are sent with their ends. A score that comes before the end
 * needs one sooner: Lunary stores feedback of runs alone that it has. Forgetting one costs a dead letter.
 */
export interface OpenStarts {
  opened(runId: string, start: Outgoing): void;
  ended(runId: string): void;
  of(runId: string): Outgoing | undefined;
}

export function createOpenStarts(startsMax = STARTS_MAX, bytesMax = BYTES_MAX): OpenStarts {
  const starts = new Map<string, Outgoing>();
  let bytes = 0;
  const forget = (runId: string) => {
    bytes -= starts.get(runId)?.raw.length ?? 0;
    starts.delete(runId);
  };
  return {
    opened(runId, start) {
      forget(runId);
      starts.set(runId, start);
      bytes += start.raw.length;
      for (const oldest of starts.keys()) {
        if (starts.size <= startsMax && bytes <= bytesMax) return;
        forget(oldest);
      }
    },
    ended: forget,
    of: (runId) => starts.get(runId),
  };
}
