/**
 * A route's last work: what was accepted before the moment of the call goes out while the sink takes it and
 * the caller's patience lasts. The route says when it is over.
 */
export class Drain {
  /** Below this everything was accepted before. */
  readonly target: number;
  /** False once the sink does not take what it is sent, or from the start if it did not take it before. */
  isSending: boolean;
  readonly #ended = Promise.withResolvers<void>();

  constructor(target: number, isSending: boolean) {
    this.target = target;
    this.isSending = isSending;
  }

  end(): void {
    this.#ended.resolve();
  }

  /** Resolves when it is over. `giveUp` is called once the patience is. */
  async whileFor(patience: AbortSignal, giveUp: () => void): Promise<void> {
    patience.addEventListener("abort", giveUp, { once: true });
    if (patience.aborted) giveUp();
    await this.#ended.promise;
    patience.removeEventListener("abort", giveUp);
  }
}
