import type { Event } from "@sluice/sdk";
import { type Disk, decodeEvent, encodeEvent } from "@sluice/sdk/internal";
import type { Outgoing, Sink, SinkDefinition } from "../../sinks/define.ts";
import type { Delivery } from "../../sinks/delivery.ts";
import type { DeadLetters } from "./dead-letters.ts";
import {
  parseLetter,
  type Resolution,
  readLetters,
  resolvedLine,
  type StoredLetter,
} from "./stored-letter.ts";

/** Which letters; all that are not resolved, if it says nothing. */
export interface LetterSelection {
  readonly offsets?: readonly number[] | undefined;
  readonly reason?: string | undefined;
}

/** What came of a retry or a drop. */
export interface LetterOutcome {
  readonly resolved: number;
  /** Letters that the sink has refused again, or that hold no event to send; they stay. */
  readonly refused: readonly { readonly offset: number; readonly reason: string }[];
  /** Why it was broken off, if the sink takes nothing now; what was not tried stays. */
  readonly stopped?: string;
}

/** What a person can decide about dead letters. */
export interface Desk {
  drop(selection: LetterSelection): Promise<LetterOutcome>;
  /** @param edited what is sent in the place of the one letter that is selected. */
  retry(selection: LetterSelection, signal: AbortSignal, edited?: Event): Promise<LetterOutcome>;
}

export interface LetterDeskOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly letters: DeadLetters;
  readonly sink: Pick<Sink, "send">;
  readonly limits: SinkDefinition["limits"];
}

/** So many letters' events are in memory at a time. */
const LETTERS_AT_ONCE = 32;

/**
 * Where a person decides what becomes of dead letters. A retry sends events as they were, or as they were
 * edited, under their old ids; a crash between the sink's answer and the file makes a letter that can be
 * sent twice, never one that is lost. One decision at a time: what two people retry is sent once.
 */
export class LetterDesk implements Desk {
  readonly #options: LetterDeskOptions;
  readonly #closed = new AbortController();
  #deciding: Promise<unknown> = Promise.resolve();

  constructor(options: LetterDeskOptions) {
    this.#options = options;
  }

  drop(selection: LetterSelection): Promise<LetterOutcome> {
    return this.#inTurn(() => this.#drop(selection));
  }

  /** @param edited what is sent in the place of the one letter that is selected. */
  retry(selection: LetterSelection, signal: AbortSignal, edited?: Event): Promise<LetterOutcome> {
    const either = AbortSignal.any([signal, this.#closed.signal]);
    return this.#inTurn(() => this.#retry(selection, either, edited));
  }

  /** Breaks off what is under way; what has arrived is noted when this resolves. Before the letters close. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#deciding;
  }

  #inTurn(decide: () => Promise<LetterOutcome>): Promise<LetterOutcome> {
    const decided = this.#deciding.then(decide);
    this.#deciding = decided.catch(() => undefined);
    return decided;
  }

  async #drop(selection: LetterSelection): Promise<LetterOutcome> {
    const offsets = new Set<number>();
    for await (const { offset } of this.#open(selection)) offsets.add(offset);
    await this.#resolve(offsets, "dropped");
    return { resolved: offsets.size, refused: [] };
  }

  async #retry(selection: LetterSelection, signal: AbortSignal, edited?: Event): Promise<LetterOutcome> {
    const run: Run = { delivered: new Set(), refused: [], signal };
    let batch: Letter[] = [];
    for await (const letter of this.#open(selection)) {
      const outgoing = outgoingOf(letter, edited);
      if (!outgoing) run.refused.push({ offset: letter.offset, reason: whyNoEvent(letter) });
      else batch.push({ offset: letter.offset, outgoing });
      if (batch.length < Math.min(LETTERS_AT_ONCE, this.#options.limits.events)) continue;
      await this.#send(batch, run);
      batch = [];
      if (run.stopped !== undefined) break;
    }
    if (batch.length > 0 && run.stopped === undefined) await this.#send(batch, run);
    await this.#resolve(run.delivered, "retried");
    const { delivered, refused, stopped } = run;
    return { resolved: delivered.size, refused, ...(stopped !== undefined && { stopped }) };
  }

  async *#open({ offsets, reason }: LetterSelection): AsyncGenerator<StoredLetter> {
    const { disk, path } = this.#options;
    const wanted = offsets && new Set(offsets);
    for await (const letter of readLetters(disk, path)) {
      const isMeant = (wanted?.has(letter.offset) ?? true) && (reason ?? letter.reason) === letter.reason;
      if (isMeant && letter.resolved === undefined) yield letter;
    }
  }

  /** A batch that is refused as a whole is halved, down to the letter that is to blame. */
  async #send(batch: readonly Letter[], run: Run): Promise<void> {
    if (run.signal.aborted) {
      run.stopped = "it was broken off";
      return;
    }
    const delivery = await this.#options.sink.send(
      batch.map(({ outgoing }) => outgoing),
      run.signal,
    );
    if ((delivery.status === "rejected" || delivery.status === "tooLarge") && batch.length > 1) {
      const middle = Math.ceil(batch.length / 2);
      await this.#send(batch.slice(0, middle), run);
      if (run.stopped === undefined) await this.#send(batch.slice(middle), run);
      return;
    }
    for (const [index, { offset }] of batch.entries()) note(run, offset, outcomeFor(delivery, index));
  }

  #resolve(offsets: ReadonlySet<number>, resolution: Resolution): Promise<void> {
    if (offsets.size === 0) return Promise.resolve();
    return this.#options.letters.rewrite((line) => {
      const letter = parseLetter(line);
      const isMeant = letter !== undefined && letter.resolved === undefined && offsets.has(letter.offset);
      return isMeant ? resolvedLine(line, resolution) : line;
    });
  }
}

interface Letter {
  readonly offset: number;
  readonly outgoing: Outgoing;
}

interface Run {
  readonly delivered: Set<number>;
  readonly refused: { readonly offset: number; readonly reason: string }[];
  readonly signal: AbortSignal;
  stopped?: string;
}

function outgoingOf({ raw, id }: StoredLetter, edited: Event | undefined): Outgoing | undefined {
  if (edited) return { id: edited.id, raw: Buffer.from(encodeEvent(edited)), event: edited };
  if (!raw || id === null) return undefined;
  return { id, raw, event: decodeEvent(raw) };
}

function outcomeFor(delivery: Delivery, index: number): Delivery {
  return delivery.status === "mixed" ? (delivery.each[index] ?? delivery) : delivery;
}

function note(run: Run, offset: number, delivery: Delivery): void {
  switch (delivery.status) {
    case "delivered":
    case "skipped":
      run.delivered.add(offset);
      return;
    case "retry":
    case "blocked":
      run.stopped = delivery.reason;
      return;
    case "rejected":
    case "tooLarge":
    case "partly":
      run.refused.push({ offset, reason: delivery.reason });
      return;
    case "mixed":
      return;
  }
}

/** A letter of several events has none of its own: the backend only told how many of them it refused. */
function whyNoEvent({ count, ids, offset }: StoredLetter): string {
  if (ids === undefined) return "it holds no event";
  return `it is ${count} of ${ids.length} events, and the backend did not say which: replay from ${offset}, then drop it`;
}
