/**
 * What every benchmark reports. `ratio` is value over limit for rates (higher is better) and cost over limit
 * for CPU time (lower is better); the limit was measured in the same run, interleaved with the value.
 */
export interface Measurement {
  readonly case: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number;
  readonly ratio: number;
  readonly runs: number;
}

export interface Bench {
  cases(): AsyncIterable<Measurement>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * Runs each contestant once a round, in random order, and returns the figures per contestant. Machines drift;
 * what is compared was measured side by side, and the ratio is the median of the rounds' own ratios.
 */
export async function interleave<Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  const names = Object.keys(contestants) as Name[];
  const figures = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names.toSorted(() => Math.random() - 0.5))
      figures[name].push(await contestants[name]());
  }
  return figures;
}

/** The median of the rounds' ratios of `value` to `limit`, with both medians beside it. */
export function compare(
  name: string,
  unit: string,
  value: readonly number[],
  limit: readonly number[],
): Measurement {
  const ratios = value.map((figure, round) => figure / (limit[round] ?? Number.NaN));
  return {
    case: name,
    value: median(value),
    unit,
    limit: median(limit),
    ratio: median(ratios),
    runs: value.length,
  };
}
