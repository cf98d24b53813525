import type { Dedupe } from "../dedupe.ts";
import { writeEventKey } from "../keys.ts";
import { type AppendOutcome, FLAG_RESERVE, type NewRecord } from "../spool.ts";
import type { ActiveSegment } from "./active.ts";
import type { Group, Request } from "./group.ts";
import type { AppendQueue } from "./queue.ts";
import { RECORD_BODY_BYTES_MAX } from "./record.ts";
import type { Space } from "./space.ts";
import { type Staging, sizeOf } from "./staging.ts";

/** Fills groups: takes calls from the queue, finds duplicates, gives offsets, packs what is new. */
export class Stager {
  readonly #queue: AppendQueue;
  readonly #active: ActiveSegment;
  readonly #staging: Staging;
  readonly #dedupe: Dedupe;
  readonly #space: Space;

  constructor(
    queue: AppendQueue,
    parts: {
      readonly active: ActiveSegment;
      readonly staging: Staging;
      readonly dedupe: Dedupe;
      readonly space: Space;
    },
  ) {
    this.#queue = queue;
    this.#active = parts.active;
    this.#staging = parts.staging;
    this.#dedupe = parts.dedupe;
    this.#space = parts.space;
  }

  /** The next part of a group: everything that is queued, or as much of it as has room. */
  fill(group: Group): void {
    const queue = this.#queue;
    group.startedAt = queue.first?.outcomes.length ?? 0;
    group.isForDisk = false;
    while (true) {
      const request = queue.first;
      if (!request) return;
      if (request.durability === "disk") group.isForDisk = true;
      while (request.outcomes.length < request.records.length) {
        const record = request.records[request.outcomes.length];
        const outcome = record && this.#admit(record, request, group);
        if (!outcome) {
          group.unfinished = request;
          return;
        }
        request.outcomes.push(outcome);
      }
      group.finished.push(request);
      queue.shift();
    }
  }

  /** Forgets the part at hand, before it is taken out of the group. */
  forget(group: Group): void {
    this.#dedupe.removeNewest(group.records - group.held.records);
    if (group.unfinished) this.#queue.shift();
    this.#staging.cut(group.held.records, group.held.bytes);
  }

  /**
   * The outcome of a record if the group is stored; undefined if the record has to wait for the next group.
   */
  #admit(record: NewRecord, request: Request, group: Group): AppendOutcome | undefined {
    const dedupe = this.#dedupe;
    const staging = this.#staging;
    writeEventKey(record.id, dedupe.key, 0);
    const known = dedupe.find();
    if (known >= 0) {
      const isSame = dedupe.crcAt(known) === record.received.crc;
      return { status: isSame ? "duplicate" : "conflict", offset: dedupe.offsetAt(known) };
    }
    const mayUseReserve = (record.flags & FLAG_RESERVE) !== 0;
    if (request.refusal && !mayUseReserve) return request.refusal;
    if (record.body.length > RECORD_BODY_BYTES_MAX) {
      return {
        status: "failed",
        reason: `a record of ${record.body.length} bytes is larger than any segment`,
      };
    }
    const size = sizeOf(record);
    if (!staging.hasRoom(record) || !this.#active.hasRoom(staging.bytes + size)) return undefined;
    const reason = this.#space.refusal(staging.bytes + size, mayUseReserve);
    if (reason) {
      request.refusal = { status: "full", reason };
      return request.refusal;
    }

    const offset = group.firstOffset + group.records;
    group.places.push(offset, staging.add(record, dedupe.key, offset));
    group.records++;
    dedupe.add(record.received.crc, offset);
    return { status: "appended", offset };
  }
}
