import type { StoredLetter } from "../pipeline.ts";

type Letter = Pick<StoredLetter, "offset" | "count" | "reason" | "words" | "at">;

interface Group {
  count: number;
  readonly first: Letter;
  last: Letter;
  /** All of them say it word for word. */
  isOneText: boolean;
}

/** Dead letters by their cause. */
export interface LetterGroups {
  add(letter: Letter): void;
  /** A line for each cause, in the order of their first letters. */
  lines(sink: string): readonly string[];
}

export function createLetterGroups(): LetterGroups {
  const groups = new Map<string, Group>();
  return {
    add(letter) {
      const cause = causeOf(letter);
      const group = groups.get(cause);
      if (!group) {
        groups.set(cause, { count: letter.count, first: letter, last: letter, isOneText: true });
        return;
      }
      group.count += letter.count;
      group.last = letter;
      group.isOneText &&= letter.words === group.first.words;
    },
    lines: (sink) =>
      [...groups].map(([cause, { count, first, last, isOneText }]) => {
        const when = first.at === last.at ? first.at : `${first.at} … ${last.at}`;
        const said = isOneText ? `${first.reason}: ${first.words}` : cause;
        return `${sink}  ${count} × ${said}  (${when}, as ${first.offset})`;
      }),
  };
}

/** Numbers and ids in what a backend says make a hundred causes of one. */
function causeOf({ reason, words }: Letter): string {
  return `${reason}: ${words.replace(/[\da-f]{8}-[\da-f-]{27}|\d+/gi, "…")}`;
}
