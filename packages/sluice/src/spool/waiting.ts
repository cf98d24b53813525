/** Readers that wait for the next record. All are woken at once; each looks again for itself. */
export class Waiting {
  readonly #wakes = new Set<() => void>();

  /**
   * Resolves at the next `wake`, or at once when the signal aborts. Never rejects: the caller looks at the
   * signal.
   */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakes.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#wakes.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }
}
