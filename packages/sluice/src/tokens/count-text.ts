import { Merger } from "./merge.ts";
import { cl100kPieceEnd, o200kPieceEnd, type PieceEnd } from "./split.ts";
import { type Encoding, readVocabulary, type Vocabulary } from "./vocabulary.ts";

/**
 * How many tokens a text is, exactly as OpenAI's own encoder has it, in time that grows with its length
 * whatever it holds: the libraries there are take seconds for 100 KB of one letter, and people send that.
 * What looks like a special token (`<|endoftext|>`) is text. The first call of an encoding loads it.
 */
export function countText(text: string, encoding: Encoding): number {
  const { vocabulary, merger, pieceEnd } = counterOf(encoding);
  const bytes = utf8.encode(text);
  let count = 0;
  for (let start = 0; start < bytes.length; ) {
    const end = pieceEnd(bytes, start);
    count += vocabulary.rankOf(bytes, start, end) >= 0 ? 1 : merger.count(bytes, start, end);
    start = end;
  }
  return count;
}

interface Counter {
  readonly vocabulary: Vocabulary;
  readonly merger: Merger;
  readonly pieceEnd: PieceEnd;
}

const utf8 = new TextEncoder();

const PIECE_ENDS: Readonly<Record<Encoding, PieceEnd>> = {
  o200k_base: o200kPieceEnd,
  cl100k_base: cl100kPieceEnd,
};

const counters = new Map<Encoding, Counter>();

function counterOf(encoding: Encoding): Counter {
  const known = counters.get(encoding);
  if (known !== undefined) return known;
  const vocabulary = readVocabulary(encoding);
  const counter = { vocabulary, merger: new Merger(vocabulary), pieceEnd: PIECE_ENDS[encoding] };
  counters.set(encoding, counter);
  return counter;
}
