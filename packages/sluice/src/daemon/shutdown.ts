import type { Clock } from "@sluice/sdk/internal";
import type { ApiServer } from "../api/server.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Doors } from "./doors.ts";

export interface StopSummary {
  readonly reason: string;
  /** What each sink has not got yet, and each replay. It is safe, and sent after the next start. */
  readonly pending: readonly { readonly sink: string; readonly events: number }[];
  /** False when something did not end in time and was left. */
  readonly isClean: boolean;
}

export interface ShutdownOptions {
  readonly server: ApiServer | undefined;
  readonly doors: Doors;
  readonly pipeline: Pipeline;
  /** Takes back what says that this daemon is there. */
  withdraw(): Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long calls and sinks may take to finish. */
  readonly graceMs?: number | undefined;
}

/** Below the 30 s after which Kubernetes kills. */
const GRACE_MS = 10_000;
/**
 * Of the grace, what calls in flight get; the rest belongs to the sinks, who get what those calls produce.
 */
const CALLS_SHARE = 0.8;
/**
 * After the grace everything is cut. A quarter may go to ending calls, a quarter to the sinks, the rest to
 * the disk. What is left of the two seconds that are promised, the end of the process takes.
 */
const CLOSE_MS = 1_200;

/**
 * Ends a daemon in the order in which events flow, so that each part can still hand on what it has: new work
 * is refused, calls end (those that do not, as incomplete), sinks get what is pending, ledgers and spool are
 * stored. Nothing of it waits for longer than its share. Never rejects.
 */
export async function shutDown(reason: string, options: ShutdownOptions): Promise<StopSummary> {
  const { server, doors, pipeline, clock, logger, graceMs = GRACE_MS } = options;
  const within = (work: Promise<unknown>, waitMs: number) => endsWithin(work, waitMs, clock, logger);
  const untilMs = clock.monotonicMs() + graceMs;
  logger.info({ reason, graceMs }, "shutting down");
  server?.refuse();
  await server?.idle(graceMs * CALLS_SHARE);
  // Calls that are still going end here, as incomplete, and their events are appended.
  await within(doors.close(), CLOSE_MS / 4);
  const leftMs = Math.max(0, untilMs - clock.monotonicMs());
  await within(pipeline.drain(leftMs), leftMs + CLOSE_MS / 4);
  const pending = pendingOf(pipeline);
  pipeline.hub.close();
  const closing = Promise.all([server?.close(), pipeline.close()])
    // Whoever holds the directory is who is there: that is taken back while the lock is ours or just freed.
    .then(() => options.withdraw());
  const isClean = await within(closing, CLOSE_MS / 2);
  logger.info({ pending, isClean }, "stopped");
  return { reason, pending, isClean };
}

function pendingOf(pipeline: Pipeline): StopSummary["pending"] {
  return pipeline
    .status()
    .sinks.filter(({ balance }) => balance.pending > 0)
    .map(({ route, balance }) => ({ sink: route, events: balance.pending }));
}

/**
 * Waits for work that should end by itself, and for no longer than this. False when it did not, or failed.
 */
function endsWithin(work: Promise<unknown>, waitMs: number, clock: Clock, logger: Logger): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(waitMs, () => resolve(false));
    const end = (isClean: boolean) => {
      timer.cancel();
      resolve(isClean);
    };
    work.then(
      () => end(true),
      (error) => {
        const stack = error instanceof Error ? error.stack : undefined;
        logger.error({ error: String(error), stack }, "shutting down failed");
        end(false);
      },
    );
  });
}
