/** Resolves when `work`, which must not reject, is done or `signal` aborts. */
export async function untilAborted(
  work: Promise<unknown> | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (work === undefined || signal?.aborted) return;
  if (signal === undefined) {
    await work;
    return;
  }
  return new Promise((resolve) => {
    const finish = () => {
      signal.removeEventListener("abort", finish);
      resolve();
    };
    signal.addEventListener("abort", finish, { once: true });
    void work.then(finish);
  });
}
