import type { Run } from "@sluice/sdk";

interface Timing {
  readonly startTime: Moment;
  readonly endTime: Moment;
  /** In milliseconds. */
  readonly timeToFirstToken?: number;
}

interface Moment {
  readonly seconds: number;
  readonly milliseconds: number;
}

/**
 * The worker wants both times as numbers, neither before 1970, and refuses an end before its start, which a
 * clock that was set back gives.
 */
export function timingOf(end: string, run: Run): Timing {
  const endMs = millisecondsOf(end);
  const startMs = millisecondsOf(run.startTime ?? end) ?? endMs ?? 0;
  const firstTokenMs = millisecondsOf(run.firstTokenTime ?? "");
  return {
    startTime: momentOf(startMs),
    endTime: momentOf(Math.max(startMs, endMs ?? startMs)),
    ...(firstTokenMs !== undefined && { timeToFirstToken: Math.max(0, firstTokenMs - startMs) }),
  };
}

/** Undefined for a time that cannot be read. */
function millisecondsOf(time: string): number | undefined {
  const parsed = Date.parse(time);
  return Number.isNaN(parsed) ? undefined : Math.max(0, parsed);
}

function momentOf(ms: number): Moment {
  return { seconds: Math.floor(ms / 1_000), milliseconds: ms % 1_000 };
}
