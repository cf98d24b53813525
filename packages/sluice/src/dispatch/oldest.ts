import { BACKLOG_FULL } from "./backlog.ts";
import type { Lanes } from "./delivery/lanes.ts";
import type { Sender } from "./delivery/sender.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { Reader } from "./reader.ts";

interface OldestParts {
  readonly ledger: Ledger;
  readonly lanes: Lanes;
  readonly sender: Sender;
  readonly reader: Reader;
}

/** The oldest events of a route, as far as they are to be dropped for others to have room. */
export class Oldest {
  readonly #parts: OldestParts;
  /** What comes back from below was to be dropped while it was in flight. */
  #line = 0;

  constructor(parts: OldestParts) {
    this.#parts = parts;
  }

  /** Drops what is not settled below an offset and not in flight; says how much that is. */
  dropBelow(before: number): number {
    const { sender, reader } = this.#parts;
    this.#line = Math.max(this.#line, before);
    sender.recallBelow(before);
    return reader.skip(before, BACKLOG_FULL) + this.dropHeld();
  }

  /** What has come back meanwhile, or was held. */
  dropHeld(): number {
    const { lanes, sender } = this.#parts;
    const items = lanes.drop(this.#line);
    for (const item of items) sender.settle(item, { status: "dropped", reason: BACKLOG_FULL });
    return items.length;
  }

  /** A route that has failed does not know any more what it had in hand then. */
  dropForgotten(): number {
    return this.#parts.ledger.settleRest(0, this.#line, { status: "dropped", reason: BACKLOG_FULL });
  }
}
