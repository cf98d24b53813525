import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualClock } from "../system/manual-clock.ts";
import { StreamError } from "./errors.ts";
import { createEventStream, type EventStream } from "./event-stream.ts";
import type { Gap } from "./gap.ts";
import { type Item, NaiveStream, textOf } from "./naive-stream.test-support.ts";
import type { Policy } from "./policy.ts";
import type { Subscription } from "./subscription.ts";

/**
 * Random calls against one stream. In step: a naive stream gets the same calls, and after each of them both
 * have told subscribers, senders and counters the same. All at once: nothing is awaited between the calls,
 * and in the end each subscriber was told what was accepted from its start on, in order, or that it is gone.
 */
type Start = number | "oldest" | "newest" | undefined;

type Call =
  | { readonly name: "trySend" | "send"; readonly block: number | null; readonly padding: number }
  | { readonly name: "abort" | "read" | "leave"; readonly which: number }
  | { readonly name: "subscribe"; readonly from: Start }
  | { readonly name: "policy"; readonly policy: Policy }
  | { readonly name: "close" };

interface Case {
  readonly policy: Policy;
  readonly capacity: number;
  readonly maxBytes: number;
  readonly calls: readonly Call[];
}

const policy = fc.constantFrom<Policy>("block", "drop-newest", "drop-oldest", "coalesce");
const which = fc.nat(4);
const from = fc.oneof(fc.constantFrom<Start>("oldest", "newest", undefined), fc.nat(20));
const block = fc.option(fc.nat(1), { freq: 4 });
const padding = fc.nat(40);

const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 70, arbitrary: fc.record({ name: fc.constantFrom("trySend", "send"), block, padding }) },
  { weight: 70, arbitrary: fc.record({ name: fc.constant("read"), which }) },
  { weight: 12, arbitrary: fc.record({ name: fc.constant("subscribe"), from }) },
  { weight: 12, arbitrary: fc.record({ name: fc.constantFrom("abort", "leave"), which }) },
  { weight: 6, arbitrary: fc.record({ name: fc.constant("policy"), policy }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant("close") }) },
);

const cases: fc.Arbitrary<Case> = fc.record({
  policy,
  capacity: fc.integer({ min: 1, max: 9 }),
  maxBytes: fc.constantFrom(1, 500, 1_000_000),
  calls: fc.array(call, { maxLength: 80, size: "max" }),
});

test("in step, a stream tells everybody what the naive one tells them", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (drawn) => {
      const real = new Driven(drawn);
      const naive = new NaiveStream(drawn.policy, drawn.capacity, drawn.maxBytes);
      for (const [id, next] of drawn.calls.entries()) {
        real.call(id, next);
        callNaive(naive, id, next);
        await settled();
        naive.settle();

        expect(real.told).toEqual(naive.subscribers.map(({ told }) => told));
        expect(real.outcomes).toEqual(naive.outcomes);
        expect([real.stream.seq, real.stream.dropped]).toEqual([naive.accepted.length, naive.dropped]);
      }
      expect(real.stream.length).toBe(naive.length);
    }),
    { numRuns: 500 },
  );
});

test("all at once, every subscriber is told of every seq from its start on, once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (drawn) => {
      const real = new Driven(drawn);
      for (const [id, next] of drawn.calls.entries()) real.call(id, next);
      real.stream.close();
      for (const [index] of real.told.entries()) real.readToTheEnd(index);
      await settled();

      // First come, first served: what was accepted is in the order of the calls.
      const accepted = [...real.outcomes].filter(([, outcome]) => outcome === "sent").map(([id]) => id);
      accepted.sort((one, other) => one - other);
      expect(real.stream.seq).toBe(accepted.length);
      for (const [index, told] of real.told.entries()) expectAccount(told, real.starts[index] ?? 0, accepted);
    }),
    { numRuns: 500 },
  );
});

function expectAccount(told: readonly string[], start: number, accepted: readonly number[]): void {
  let seq = start;
  const end = told.indexOf("end");
  expect(told.slice(end).every((one) => one === "end")).toBe(true);
  for (const one of told.slice(0, end)) {
    const [, fromSeq, toSeq, text = one] = /^(?:gap )?(\d+)-(\d+) ?(.*)$/.exec(one) ?? [];
    if (fromSeq !== undefined) expect(Number(fromSeq)).toBe(seq + 1);
    for (const piece of text.split(";").slice(0, -1))
      expect(Number.parseInt(piece, 10)).toBe(accepted[seq++]);
    if (one.startsWith("gap")) seq = Number(toSeq);
    if (toSeq !== undefined) expect(Number(toSeq)).toBe(seq);
  }
}

/** Its number makes an item's text its own. */
function itemOf(id: number, block: number | null, padding: number): Item {
  const text = `${id}${"x".repeat(padding)};`;
  return block === null
    ? { type: "Mark", data: { mark: text } }
    : { type: "TextDelta", data: { text, index: block } };
}

function callNaive(naive: NaiveStream, id: number, call: Call): void {
  switch (call.name) {
    case "trySend":
      naive.trySend(id, itemOf(id, call.block, call.padding));
      break;
    case "send":
      naive.send(id, itemOf(id, call.block, call.padding));
      break;
    case "abort":
      naive.abort(call.which);
      break;
    case "read":
      naive.read(call.which);
      break;
    case "leave":
      naive.leave(call.which);
      break;
    case "subscribe":
      naive.subscribe(call.from);
      break;
    case "policy":
      naive.setPolicy(call.policy);
      break;
    case "close":
      naive.close();
      break;
  }
}

/** A stream whose answers are written down as they come. */
class Driven {
  readonly stream: EventStream<Item>;
  readonly told: string[][] = [];
  readonly starts: number[] = [];
  readonly outcomes = new Map<number, string>();
  readonly #subscriptions: Subscription<Item>[] = [];
  readonly #aborts: AbortController[] = [];

  constructor({ policy, capacity, maxBytes }: Case) {
    this.stream = createEventStream<Item>({ policy, capacity, maxBytes, clock: new ManualClock() });
  }

  call(id: number, call: Call): void {
    switch (call.name) {
      case "trySend":
        if (this.stream.trySend(itemOf(id, call.block, call.padding))) this.outcomes.set(id, "sent");
        break;
      case "send":
        this.#send(id, itemOf(id, call.block, call.padding));
        break;
      case "abort":
        this.#aborts[call.which]?.abort();
        break;
      case "read":
        this.#read(call.which);
        break;
      case "leave":
        this.#subscriptions[call.which]?.close();
        break;
      case "subscribe":
        this.#subscribe(call.from);
        break;
      case "policy":
        this.stream.policy = call.policy;
        break;
      case "close":
        this.stream.close();
    }
  }

  readToTheEnd(index: number): void {
    for (let count = this.stream.seq + 1; count > 0; count--) this.#read(index);
  }

  #send(id: number, item: Item): void {
    const abort = new AbortController();
    this.#aborts.push(abort);
    this.stream.send(item, { signal: abort.signal }).then(
      () => this.outcomes.set(id, "sent"),
      (error: unknown) => this.outcomes.set(id, StreamError.codeOf(error) ?? "another error"),
    );
  }

  #subscribe(from: Start): void {
    const subscription = this.stream.subscribe(from === undefined ? {} : { from });
    this.#subscriptions.push(subscription);
    this.told.push([]);
    this.starts.push(subscription.seq);
  }

  #read(index: number): void {
    const told = this.told[index];
    const next = this.#subscriptions[index]?.[Symbol.asyncIterator]().next();
    void next?.then(({ value }) => told?.push(value === undefined ? "end" : wordOf(value)));
  }
}

function wordOf(told: Item | Gap): string {
  if (told.type === "Gap") return `gap ${told.data.from}-${told.data.to}`;
  return "fromSeq" in told && "seq" in told ? `${told.fromSeq}-${told.seq} ${textOf(told)}` : textOf(told);
}

/** What the call has set off has happened, also what waits for the next turn of the event loop. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
