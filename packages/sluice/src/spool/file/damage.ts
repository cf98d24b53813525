/** Offsets [from, to). */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * The offsets that are known to be lost: sorted ranges that do not touch. Adding what is there already
 * changes nothing.
 */
export class Damage {
  #ranges: Range[] = [];
  #floor = 0;

  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  get count(): number {
    return this.#ranges.reduce((sum, range) => sum + range.to - range.from, 0);
  }

  add(start: number, to: number): void {
    const from = Math.max(start, this.#floor);
    if (from >= to) return;
    const apart = this.#ranges.filter((range) => range.to < from || range.from > to);
    const touching = this.#ranges.filter((range) => range.to >= from && range.from <= to);
    const merged = {
      from: Math.min(from, ...touching.map((range) => range.from)),
      to: Math.max(to, ...touching.map((range) => range.to)),
    };
    this.#ranges = [...apart, merged].sort((left, right) => left.from - right.from);
  }

  /** How many offsets below `before` are lost. */
  countBelow(before: number): number {
    return this.#ranges.reduce((sum, range) => sum + Math.max(0, Math.min(range.to, before) - range.from), 0);
  }

  /** Forgets what is below `before`, for good: it was counted elsewhere or removed on purpose. */
  dropBelow(before: number): void {
    this.#floor = Math.max(this.#floor, before);
    this.#ranges = this.#ranges
      .map((range) => ({ from: Math.max(range.from, before), to: range.to }))
      .filter((range) => range.from < range.to);
  }
}
