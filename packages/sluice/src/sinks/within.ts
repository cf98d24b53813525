import type { Clock } from "@sluice/sdk/internal";

/**
 * The work's value, or undefined once so much time has passed: for work of others that should end by itself.
 * It goes on unseen then, and how it ends is nobody's concern.
 */
export async function within<Value>(
  waitMs: number,
  clock: Clock,
  work: Promise<Value> | undefined,
): Promise<Value | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = clock.after(waitMs, () => late.resolve(undefined));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.cancel();
  }
}
