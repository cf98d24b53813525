import type { Outgoing } from "../../../packages/sluice/src/sinks/define.ts";
import type { Delivery } from "../../../packages/sluice/src/sinks/delivery.ts";
import { demand } from "./violation.ts";

/** The id of the start that lies before this end in the spool, if there is one. */
export type StartOf = (end: Outgoing) => string | undefined;

/** Requests in which an event has to fail before it may be set aside, and the rest of its run go on. */
const POISON_TRIES = 10;

/**
 * What one backend was sent, and whether it is done with it: it has it, or has said that it does not want it.
 * The end of a run is not sent before the start is done with, unless they come together and in order.
 */
export class Order {
  readonly #name: string;
  readonly #startOf: StartOf;
  readonly #tries = new Map<string, number>();
  readonly #done = new Set<string>();

  constructor(name: string, startOf: StartOf) {
    this.#name = name;
    this.#startOf = startOf;
  }

  sent(batch: readonly Outgoing[]): void {
    const together = new Set<string>();
    for (const outgoing of batch) {
      const start = this.#startOf(outgoing);
      const isFirst = start === undefined || together.has(start) || this.#isDone(start);
      demand(isFirst, () => `${this.#name} was sent the end ${outgoing.id} before its start ${start}`);
      together.add(outgoing.id);
    }
    for (const { id } of batch) this.#tries.set(id, (this.#tries.get(id) ?? 0) + 1);
  }

  took({ id }: Outgoing): void {
    this.#done.add(id);
  }

  told(batch: readonly Outgoing[], delivery: Delivery): void {
    for (const [index, { id }] of batch.entries()) {
      const { status } = delivery.status === "mixed" ? (delivery.each[index] ?? delivery) : delivery;
      if (status !== "retry" && status !== "blocked") this.#done.add(id);
    }
  }

  #isDone(id: string): boolean {
    return this.#done.has(id) || (this.#tries.get(id) ?? 0) >= POISON_TRIES;
  }
}
