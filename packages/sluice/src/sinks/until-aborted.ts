/**
 * The action's result, or `otherwise` as soon as the signal aborts. The action itself goes on unseen; so this
 * is for work that cannot be called off (a write that the disk holds) and that does no harm when it is done
 * twice.
 */
export async function untilAborted<Value>(
  action: Promise<Value>,
  signal: AbortSignal,
  otherwise: Value,
): Promise<Value> {
  const stopped = Promise.withResolvers<Value>();
  const stop = () => stopped.resolve(otherwise);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([action, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
