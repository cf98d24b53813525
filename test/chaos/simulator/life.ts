import type { Chance } from "./chance.ts";

/** How a process ends: it alone, so that everything it wrote is there, or with the power of the machine. */
export type Ending = "kill" | "power cut";

/**
 * One process in a simulated world. It ends at any moment: once it has, its calls of the disk never return,
 * its timers never ring and no backend answers it. It may be told to end at its n-th call of the disk.
 */
export class Life {
  readonly number: number;
  #isAlive = true;
  #calls = 0;
  #endsAtCall = Number.POSITIVE_INFINITY;
  #ending: Ending = "kill";
  /** Faults of the disk that it met. */
  faults = 0;
  readonly #onEnd: (ending: Ending) => void;

  constructor(number: number, onEnd: (ending: Ending) => void) {
    this.number = number;
    this.#onEnd = onEnd;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get calls(): number {
    return this.#calls;
  }

  endIn(calls: number, ending: Ending): void {
    this.#endsAtCall = this.#calls + calls;
    this.#ending = ending;
  }

  /** It is not to end by itself any more. */
  spare(): void {
    this.#endsAtCall = Number.POSITIVE_INFINITY;
  }

  /** Counts a call of the disk. True if the process ends in the middle of it. */
  callsDisk(): boolean {
    return ++this.#calls >= this.#endsAtCall;
  }

  end(ending: Ending = this.#ending): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#onEnd(ending);
  }
}

export function someEnding(chance: Chance): Ending {
  return chance.oneOf<Ending>(["kill", "power cut"]);
}
