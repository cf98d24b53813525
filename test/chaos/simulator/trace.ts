import { createHash } from "node:crypto";

/**
 * Enough of the end of a run to see what led to a violation, and little enough to be read. SLUICE_TRACE_LINES
 * shows more where the cause lies further back.
 */
const KEPT_LINES = Number(process.env["SLUICE_TRACE_LINES"] ?? 120);

/**
 * What happened in a simulated run, line by line, in the order in which it happened. All lines go into the
 * hash, which tells whether two runs were the same; the last ones are kept for the person who has to find out
 * why a run went wrong.
 */
export class Trace {
  readonly #hash = createHash("sha256");
  readonly #lines: string[] = [];
  readonly #timeOf: () => number;
  #count = 0;

  constructor(timeOf: () => number) {
    this.#timeOf = timeOf;
  }

  /** `who` is one of: step, life, disk, fault, append, sink, warn, check. */
  note(who: string, what: string): void {
    const line = `${(this.#timeOf() / 1_000).toFixed(4).padStart(11)} s  ${who.padEnd(6)} ${what}`;
    this.#hash.update(line).update("\n");
    this.#lines.push(line);
    this.#count++;
    if (this.#lines.length >= 2 * KEPT_LINES) this.#lines.splice(0, KEPT_LINES);
  }

  /** Of everything so far. The trace takes no more lines after it. */
  digest(): string {
    return this.#hash.digest("hex");
  }

  tail(): string {
    const shown = this.#lines.slice(-KEPT_LINES);
    const left = this.#count - shown.length;
    return [...(left > 0 ? [`… ${left} lines before`] : []), ...shown].join("\n");
  }
}
