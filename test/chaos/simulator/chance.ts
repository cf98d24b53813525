import type { Random } from "@sluice/sdk/internal";

/** A seed's choices, said as what is chosen. */
export class Chance {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  happens(probability: number): boolean {
    return this.random.fraction() < probability;
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.random.fraction() * (to - from + 1));
  }

  between(from: number, to: number): number {
    return from + this.random.fraction() * (to - from);
  }

  /** Between two durations, as likely in each order of magnitude: short ones are as interesting as long. */
  spread(from: number, to: number): number {
    return from * (to / from) ** this.random.fraction();
  }

  oneOf<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[Math.floor(this.random.fraction() * values.length)] ?? values[0];
  }

  /** One of the keys, each as often as its weight. */
  weighed<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const names = Object.keys(weights) as Name[];
    const total = names.reduce((sum, name) => sum + weights[name], 0);
    let left = this.random.fraction() * total;
    for (const name of names) {
      left -= weights[name];
      if (left < 0) return name;
    }
    return names[0] as Name;
  }
}
