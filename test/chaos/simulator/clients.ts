import { type Event, KIND_CODES, kindCode } from "@sluice/sdk";
import { encodeEvent, endId } from "@sluice/sdk/internal";
import { Received } from "../../../packages/sluice/src/spool/received.ts";
import { FLAG_PARTIAL, type NewRecord } from "../../../packages/sluice/src/spool/spool.ts";
import type { Chance } from "./chance.ts";

export interface ClientRun {
  readonly id: string;
  readonly traceId: string | undefined;
  /** The boot id of the process that will end it, an SDK's instance, or nobody. */
  readonly writer: string | undefined;
  isEnded: boolean;
}

/** What a client does next. */
const DEEDS = {
  note: 8,
  startOwn: 3,
  startSdk: 1,
  startOpen: 3,
  tool: 4,
  end: 8,
  again: 5,
  otherBytes: 1,
  big: 1,
};

const REFUSED_MAX = 100;
const BIG_BYTES_MAX = 60_000;
/** Larger than a segment. */
const HUGE_BYTES = 100_000;

/**
 * The applications and proxies of a simulated world: what they send is a mix of notes, runs whose end is
 * written by this very process, by an SDK or by nobody, things that were sent before, and things under an id
 * that is taken.
 */
export class Clients {
  readonly #chance: Chance;
  readonly #tag: string;
  readonly #sent: NewRecord[] = [];
  readonly #refused: NewRecord[] = [];
  readonly runs: ClientRun[] = [];
  #count = 0;

  constructor(chance: Chance, tag: string) {
    this.#chance = chance;
    this.#tag = tag;
  }

  /** A client tries again what was not taken. */
  refused(record: NewRecord): void {
    this.#refused.push(record);
    if (this.#refused.length > REFUSED_MAX) this.#refused.shift();
  }

  /** The records of one call. */
  records(bootId: string, nowMs: number): NewRecord[] {
    const count = this.#chance.oneOf([1, 1, 1, 2, 4, 12]);
    return Array.from({ length: count }, () => {
      const record = this.#record(bootId, nowMs);
      this.#sent.push(record);
      return record;
    });
  }

  #record(bootId: string, nowMs: number): NewRecord {
    const deed = this.#chance.weighed(DEEDS);
    const time = new Date(nowMs).toISOString();
    switch (deed) {
      case "note":
        return recordOf({
          id: this.#id(),
          kind: "note.made",
          time,
          data: { words: "x".repeat(this.#size()) },
        });
      case "big":
        return recordOf({
          id: this.#id(),
          kind: "note.made",
          time,
          data: { words: "b".repeat(this.#bigSize()) },
        });
      case "startOwn":
        return this.#start(bootId, time);
      case "startSdk":
        return this.#start("sdk-1", time);
      case "startOpen":
        return this.#start(undefined, time);
      case "tool":
        return this.#inRun(time, ({ id, traceId }) => ({
          ...envelope(this.#id(), time, id, traceId),
          kind: "tool.called",
          tool: { name: "look", id: "1" },
        }));
      case "end":
        return this.#end(bootId, time);
      case "again":
        return this.#sent.length > 0 ? this.#earlier() : this.#start(undefined, time);
      case "otherBytes": {
        const taken = this.#sent.length > 0 ? this.#earlier() : undefined;
        const id = taken?.kindCode === 0 ? taken.id : this.#id();
        return recordOf({ id, kind: "note.made", time, data: { words: `other ${++this.#count}` } });
      }
    }
  }

  #start(writer: string | undefined, time: string): NewRecord {
    const traceId = this.#chance.happens(0.4) ? `trace-${this.#chance.whole(1, 9)}` : undefined;
    const run: ClientRun = { id: `run-${this.#id()}`, traceId, writer, isEnded: false };
    this.runs.push(run);
    const type = "llm";
    return recordOf({
      ...envelope(this.#id(), time, run.id, traceId),
      kind: "run.started",
      run: { type, startTime: time, ...(writer !== undefined && { writer }) },
    });
  }

  #inRun(time: string, event: (run: ClientRun) => Event): NewRecord {
    const run = this.runs[this.#chance.whole(Math.max(0, this.runs.length - 10), this.runs.length - 1)];
    return run ? recordOf(event(run)) : this.#start(undefined, time);
  }

  /** A process ends its own runs only; an SDK its own at any time, maybe after we have given the run up. */
  #end(bootId: string, time: string): NewRecord {
    const open = this.runs.filter(
      ({ isEnded, writer }) => !isEnded && (writer ?? bootId) !== "" && isAlive(writer, bootId),
    );
    const run = open[this.#chance.whole(0, Math.min(3, open.length - 1))];
    if (!run) return this.#start(undefined, time);
    run.isEnded = true;
    const response = { output: `end-mark-${++this.#count}` };
    if (run.writer === undefined) {
      const piece = { ...envelope(this.#id(), time, run.id, run.traceId), kind: "run.ended" };
      return recordOf({ ...piece, run: { type: "llm", response } }, FLAG_PARTIAL);
    }
    const id = endId(run.id);
    const end = { ...envelope(id, time, run.id, run.traceId), kind: "run.ended" };
    return recordOf({ ...end, run: { type: "llm", startTime: time, status: "ok", response } });
  }

  #earlier(): NewRecord {
    const refused = this.#chance.happens(0.6) ? this.#refused.pop() : undefined;
    if (refused) return refused;
    const from = this.#chance.happens(0.8) ? Math.max(0, this.#sent.length - 40) : 0;
    const [first] = this.#sent;
    const record = this.#sent[this.#chance.whole(from, this.#sent.length - 1)] ?? first;
    if (!record) throw new Error("nothing was sent yet");
    return record;
  }

  #id(): string {
    return `${this.#tag}-${String(++this.#count).padStart(6, "0")}`;
  }

  #size(): number {
    return Math.floor(this.#chance.spread(1, 2_000));
  }

  #bigSize(): number {
    return this.#chance.happens(0.1) ? HUGE_BYTES : Math.floor(this.#chance.spread(5_000, BIG_BYTES_MAX));
  }
}

function isAlive(writer: string | undefined, bootId: string): boolean {
  return writer === undefined || writer === bootId || writer === "sdk-1";
}

function envelope(id: string, time: string, runId: string, traceId: string | undefined) {
  return { id, time, runId, ...(traceId !== undefined && { traceId }) };
}

/** As a source hands it over. */
export function recordOf(event: Event, flags = 0): NewRecord {
  const { id, kind, runId, traceId } = event;
  const received = new Received(Buffer.from(encodeEvent(event)));
  const orderKey = traceId ?? runId;
  return {
    id,
    kindCode: kind in KIND_CODES ? kindCode(kind) : 0,
    flags,
    ...(runId !== undefined && { runId }),
    ...(orderKey !== undefined && { orderKey }),
    received,
    body: received.bytes,
  };
}
