export interface Refusal {
  /** Of its line, from 1. */
  readonly number: number;
  readonly detail: string;
}

/** Why lines were refused; once for lines in a row with one reason, as a full spool gives to thousands. */
export function refusalSentences(refusals: readonly Refusal[]): readonly string[] {
  const ranges: { first: number; last: number; detail: string }[] = [];
  for (const { number, detail } of refusals) {
    const range = ranges.at(-1);
    if (range?.detail === detail && range.last === number - 1) range.last = number;
    else ranges.push({ first: number, last: number, detail });
  }
  return ranges.map(({ first, last, detail }) =>
    first === last ? `line ${first}: ${detail}` : `lines ${first} to ${last}: ${detail}`,
  );
}
