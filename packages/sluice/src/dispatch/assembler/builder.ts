import type { Event } from "@sluice/sdk";
import type { Clock } from "@sluice/sdk/internal";
import {
  type AppendOutcome,
  FLAG_ASSEMBLED,
  FLAG_CLOSING,
  FLAG_RESERVE,
  type NewRecord,
  type Spool,
} from "../../spool/spool.ts";
import type { AtHand } from "./at-hand.ts";
import { encodeMade } from "./encode-made.ts";
import { appendLateEnd, encodeRevision, NotReadable } from "./ends.ts";
import type { Fold, Task } from "./fold.ts";
import type { FoldBooks } from "./fold-books.ts";
import { closeRun, joinRun } from "./join.ts";
import type { OpenRun } from "./open-runs.ts";

export interface BuilderOptions {
  readonly spool: Spool;
  readonly partition: number;
  readonly clock: Clock;
  readonly fold: Fold;
  readonly books: FoldBooks;
  readonly atHand: AtHand;
  readonly signal: AbortSignal;
}

/** What is built before it is appended. */
const APPEND_BYTES_MAX = 2 * 1024 * 1024;
const APPEND_RECORDS_MAX = 1_024;

interface Built {
  readonly task: Task;
  readonly end: Event;
  readonly record: NewRecord;
}

interface Appended {
  readonly refused: readonly Task[];
  readonly reason?: string;
}

/**
 * Builds what the fold asks for from records read back from the spool, appends it, and tells fold and books
 * what came of it.
 */
export class Builder {
  readonly #options: BuilderOptions;

  constructor(options: BuilderOptions) {
    this.#options = options;
  }

  /**
   * A few appends for all. Gives back what the spool refused, and what came behind, to be tried again: all of
   * it if the disk cannot be read, because the ids make harmless what was appended already.
   */
  async append(tasks: readonly Task[]): Promise<Appended> {
    let at = 0;
    try {
      while (at < tasks.length) {
        const { built, next } = await this.#buildSome(tasks, at);
        if (this.#options.signal.aborted) return { refused: tasks.slice(at) };
        const { refused, reason } = await this.#appendBuilt(built);
        if (refused.length > 0) {
          return { refused: [...refused, ...tasks.slice(next)], ...(reason !== undefined && { reason }) };
        }
        at = next;
      }
      return { refused: [] };
    } catch (error) {
      if (error instanceof NotReadable) return { refused: tasks.slice(at), reason: error.message };
      throw error;
    }
  }

  /** As many as may be in memory together: after a crash a million runs may have to be closed. */
  async #buildSome(tasks: readonly Task[], from: number): Promise<{ built: Built[]; next: number }> {
    const built: Built[] = [];
    let next = from;
    for (
      let bytes = 0;
      next < tasks.length && bytes < APPEND_BYTES_MAX && built.length < APPEND_RECORDS_MAX;
    ) {
      const task = tasks[next++];
      const made = task && (await this.#build(task));
      if (!task || this.#options.signal.aborted) break;
      if (!made) {
        this.#giveUp(task);
        continue;
      }
      built.push({ task, ...made });
      bytes += made.record.body.length;
    }
    return { built, next };
  }

  async #appendBuilt(built: readonly Built[]): Promise<Appended> {
    const { spool, signal } = this.#options;
    if (built.length === 0) return { refused: [] };
    const outcomes = await spool.append(
      built.map(({ record }) => record),
      signal,
    );
    const refused: Task[] = [];
    let reason: string | undefined;
    for (const [index, { task, end }] of built.entries()) {
      const outcome = outcomes[index];
      if (!outcome) refused.push(task);
      else if ("reason" in outcome) {
        refused.push(task);
        reason = outcome.reason;
      } else if (!(await this.#finish(task, end, outcome))) refused.push(task);
    }
    return { refused, ...(reason !== undefined && { reason }) };
  }

  async #build(task: Task): Promise<{ end: Event; record: NewRecord } | undefined> {
    const { atHand } = this.#options;
    try {
      switch (task.name) {
        case "join": {
          const piece = await atHand.event(task.run.pieceOffset);
          const start = await atHand.event(task.run.startOffset);
          if (!piece || (start && start.runId !== piece.runId)) return undefined;
          const end = joinRun(start, piece);
          return { end, record: encodeMade(end, FLAG_ASSEMBLED | FLAG_RESERVE) };
        }
        case "close":
          return await this.#buildClosing(task.run, task.reason);
        case "revise": {
          const piece = await atHand.event(task.pieceOffset);
          const standing = await atHand.record(task.endOffset);
          if (!piece || !standing || (standing.flags & FLAG_CLOSING) === 0) return undefined;
          return { end: piece, record: encodeRevision(standing.event, piece) };
        }
      }
    } catch (error) {
      if (error instanceof NotReadable) throw error;
      // Not an event, or an event without what its kind needs: nothing can be made of it, and it must not
      // stop the others.
      return undefined;
    }
  }

  async #buildClosing(run: OpenRun, reason: string): Promise<{ end: Event; record: NewRecord } | undefined> {
    const { atHand, clock } = this.#options;
    const start = await atHand.event(run.startOffset);
    const piece = await atHand.event(run.pieceOffset);
    const nowMs = clock.nowMs();
    const closing = start ? closeRun(start, reason, nowMs) : piece && joinRun(undefined, piece);
    if (!closing) return undefined;
    // If the run turns out to be closed already, the piece itself is what is late.
    const record = encodeMade(closing, FLAG_ASSEMBLED | FLAG_CLOSING | FLAG_RESERVE);
    return { end: piece ?? closing, record };
  }

  /** False: to be tried again. */
  async #finish(task: Task, end: Event, appended: AppendOutcome): Promise<boolean> {
    const { fold, books, spool, partition, signal } = this.#options;
    if (task.name === "revise") {
      books.settle(task.pieceOffset, appended.status === "conflict" ? "ended" : "used");
      return true;
    }
    if ("reason" in appended) return false;
    const outcome =
      appended.status === "conflict" && (task.name === "join" || task.run.pieceOffset !== undefined)
        ? await appendLateEnd(spool, partition, end, appended.offset, signal)
        : appended;
    switch (outcome.status) {
      case "appended":
      case "duplicate":
        fold.end(task.run, appended.status === "conflict" ? appended.offset : outcome.offset, "used");
        return true;
      case "conflict":
        // The run has an end. One that the fold has not read yet is somebody else's, and is counted as it would
        // be if it were read first: so does a process that starts again.
        fold.end(task.run, outcome.offset, outcome.offset < books.next ? "ended" : "not_a_piece");
        return true;
      case "full":
      case "failed":
      case "slow":
        return false;
    }
  }

  #giveUp(task: Task): void {
    const { fold, books } = this.#options;
    if (task.name === "revise") books.settle(task.pieceOffset, "ended");
    else fold.end(task.run, task.run.startOffset ?? task.run.pieceOffset ?? 0, "not_a_piece");
  }
}
