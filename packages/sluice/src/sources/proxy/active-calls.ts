import type { Exchange } from "./exchange.ts";

/**
 * The calls that are on their way. A list with places that are used again, because a `Set` that calls enter and
 * leave all the time costs what the calls themselves do: it is laid out anew every few calls, each layout keeps
 * the next one reachable until the next full collection, and with them half of all calls ever made grow old
 * (measured: 8 KB a call in the old generation, and scavenges that take five times as long).
 */
export class ActiveCalls {
  readonly #places: (Exchange | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.length - this.#free.length;
  }

  add(exchange: Exchange): void {
    const place = this.#free.pop();
    exchange.place = place ?? this.#places.length;
    this.#places[exchange.place] = exchange;
  }

  /** Of a call that is there. */
  remove(exchange: Exchange): void {
    this.#places[exchange.place] = undefined;
    this.#free.push(exchange.place);
  }

  /** The calls of this moment; `look` may end them. */
  each(look: (exchange: Exchange) => void): void {
    for (const exchange of this.#places) {
      if (exchange !== undefined) look(exchange);
    }
  }
}
