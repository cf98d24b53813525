/** First in, first out, in constant time at both ends that are used. */
export class Fifo<Element> {
  #elements: Element[] = [];
  #head = 0;

  get length(): number {
    return this.#elements.length - this.#head;
  }

  push(element: Element): void {
    this.#elements.push(element);
  }

  peek(): Element | undefined {
    return this.#elements[this.#head];
  }

  shift(): Element | undefined {
    const element = this.#elements[this.#head];
    if (element === undefined) return undefined;
    this.#head++;
    // Copying half of it, once per half of it, is constant per element.
    if (this.#head > COMPACT_AT && this.#head * 2 > this.#elements.length) {
      this.#elements = this.#elements.slice(this.#head);
      this.#head = 0;
    }
    return element;
  }

  *[Symbol.iterator](): Iterator<Element> {
    for (let index = this.#head; index < this.#elements.length; index++) {
      const element = this.#elements[index];
      if (element !== undefined) yield element;
    }
  }
}

/** Small queues are not worth the copying. */
const COMPACT_AT = 64;
