/** The end of a text that is longer than what is kept: usage stands there. */
const TAIL_CHARS = 64 * 1024;

/** The first characters of a text that comes in pieces, and its last ones if it was longer. */
export class KeptText {
  readonly #charsMax: number;
  #pieces: string[] = [];
  #keptChars = 0;
  #tail: string | undefined;

  constructor(charsMax: number) {
    this.#charsMax = charsMax;
  }

  add(piece: string): void {
    const room = this.#charsMax - this.#keptChars;
    const head = piece.length <= room ? piece : piece.slice(0, room);
    if (head !== "") this.#pieces.push(head);
    this.#keptChars += head.length;
    if (head.length === piece.length && this.#tail === undefined) return;
    this.#tail = ((this.#tail ?? "") + piece).slice(-TAIL_CHARS);
  }

  text(): string {
    return this.#pieces.join("");
  }

  /** Undefined when all of it was kept. */
  tail(): string | undefined {
    return this.#tail;
  }
}
