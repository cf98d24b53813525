/**
 * Offsets as sorted ranges [from, to). Few ranges hold many offsets, because events settle nearly in order.
 */
export class OffsetSet {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  #size = 0;

  /** How many offsets. */
  get size(): number {
    return this.#size;
  }

  get ranges(): number {
    return this.#from.length;
  }

  has(offset: number): boolean {
    const index = this.#firstEndingAfter(offset);
    return offset >= (this.#from[index] ?? Number.POSITIVE_INFINITY);
  }

  /** The end of the range that holds `offset`; `offset` itself where none does. */
  endOf(offset: number): number {
    const index = this.#firstEndingAfter(offset);
    return offset >= (this.#from[index] ?? Number.POSITIVE_INFINITY) ? (this.#to[index] ?? offset) : offset;
  }

  /** The first offset above `offset` that is in the set; infinity if there is none. */
  nextFrom(offset: number): number {
    return this.#from[this.#firstEndingAfter(offset)] ?? Number.POSITIVE_INFINITY;
  }

  /** False, and nothing is changed, if any of [from, to) is in the set already. */
  add(from: number, to: number): boolean {
    const index = this.#firstEndingAfter(from);
    if (to > (this.#from[index] ?? Number.POSITIVE_INFINITY)) return false;
    this.#size += to - from;
    const joinsLeft = index > 0 && this.#to[index - 1] === from;
    const joinsRight = this.#from[index] === to;
    if (joinsLeft && joinsRight) {
      this.#to[index - 1] = this.#to[index] ?? to;
      this.#remove(index);
    } else if (joinsLeft) this.#to[index - 1] = to;
    else if (joinsRight) this.#from[index] = from;
    else {
      this.#from.splice(index, 0, from);
      this.#to.splice(index, 0, to);
    }
    return true;
  }

  /** Takes the range that starts at `low` out, if there is one, and returns its end; else `low`. */
  takeFrom(low: number): number {
    if (this.#from[0] !== low) return low;
    const end = this.#to[0] ?? low;
    this.#size -= end - low;
    this.#remove(0);
    return end;
  }

  *[Symbol.iterator](): Iterator<readonly [from: number, to: number]> {
    for (let index = 0; index < this.#from.length; index++) {
      yield [this.#from[index] ?? 0, this.#to[index] ?? 0];
    }
  }

  #remove(index: number): void {
    this.#from.splice(index, 1);
    this.#to.splice(index, 1);
  }

  /** Index of the first range that ends after `offset`; the number of ranges if none does. */
  #firstEndingAfter(offset: number): number {
    let low = 0;
    let high = this.#to.length;
    // Most offsets are newer than all that is in the set.
    if (high > 0 && (this.#to[high - 1] ?? 0) <= offset) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#to[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
