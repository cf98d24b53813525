/** What arrived at a sink over the lives of a daemon, and how often more than once. */
export class Arrivals {
  readonly #firstLife = new Map<string, number>();
  readonly #twice: number[] = [0];

  /** Ids of one delivery. One that arrived in an earlier life is a duplicate of this one. */
  add(ids: Iterable<string>): void {
    const life = this.#twice.length - 1;
    for (const id of ids) {
      const first = this.#firstLife.get(id);
      if (first === undefined) this.#firstLife.set(id, life);
      else if (first < life) this.#twice[life] = (this.#twice[life] ?? 0) + 1;
    }
  }

  nextLife(): void {
    this.#twice.push(0);
  }

  has(id: string): boolean {
    return this.#firstLife.has(id);
  }

  /** Duplicates in the life that had the most. */
  get mostTwice(): number {
    return Math.max(...this.#twice);
  }
}
