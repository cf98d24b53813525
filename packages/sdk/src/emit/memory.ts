import { decodeEvent } from "../event/codec.ts";
import type { Event } from "../event/event.ts";
import { type Clock, systemClock } from "../system/clock.ts";
import { type Random, systemRandom } from "../system/random.ts";
import { dropTeller, type OnDrop } from "./drop.ts";
import type { Emitter } from "./emitter.ts";
import { EventLines } from "./event-lines.ts";
import { HeadWriter } from "./head.ts";

/** For tests of applications: what they emitted, as a backend would get it. */
export interface MemoryEmitter extends Emitter {
  /** With id and time, in the order of the calls. Later changes to the objects do not show. */
  readonly events: readonly Event[];
  readonly isClosed: boolean;
  /** Forgets the events so far. */
  clear(): void;
}

/** What a memory emitter is made of. */
export interface MemoryOptions {
  /** The machine's own, unless a test wants ids and times that repeat. */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly onDrop?: OnDrop;
}

/** One event at a time passes through it. */
const EVENT_BYTES_MAX = 16 * 1024 * 1024;

/** Keeps events for ever: for tests, and nothing else. An event is there as soon as `emit` returns. */
export function createMemoryEmitter(options: MemoryOptions = {}): MemoryEmitter {
  const { clock = systemClock, random = systemRandom, onDrop } = options;
  const tell = dropTeller(onDrop);
  const head = new HeadWriter(clock, random);
  const line = new EventLines(EVENT_BYTES_MAX);
  let events: Event[] = [];
  let isClosed = false;
  return {
    get events() {
      return events;
    },
    get isClosed() {
      return isClosed;
    },
    emit(event) {
      if (isClosed) return tell(1, "closed");
      const refusal = line.add(event, head);
      if (refusal !== undefined) return tell(1, refusal.reason, refusal.detail);
      events.push(decodeEvent(line.bytes));
      line.clear();
    },
    clear() {
      events = [];
    },
    flush: () => Promise.resolve(),
    async close() {
      isClosed = true;
    },
  };
}
