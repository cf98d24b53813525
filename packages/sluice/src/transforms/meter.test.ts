import type { Run, Usage } from "@sluice/sdk";
import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { runEndOf } from "../spool/run-end.ts";
import type { NewRecord } from "../spool/spool.ts";
import { aRecord } from "../testing/spool-fixture.ts";
import type { Count } from "../tokens/counter.ts";
import { Counter } from "../tokens/counter.ts";
import { Meter, type Metered, type Metering } from "./meter.ts";

const COUNTED: Usage = { input: 1_000_000, output: 100_000, source: "counted" };
const RUN: Run = {
  type: "llm",
  provider: "openai",
  operation: "chat",
  status: "ok",
  startTime: "2026-11-21T05:00:00.000Z",
  request: { model: "gpt-4o", input: "Hi" },
  response: { model: "gpt-4o-2024-08-06", output: "Hello!" },
};
const PROVIDED: Usage = { input: 2_000_000, output: 0, source: "provider" };

class Answering extends Counter {
  asked = 0;
  answer: Count = { status: "counted", usage: COUNTED };

  override async count(): Promise<Count> {
    this.asked++;
    return this.answer;
  }
}

function aMeter(metering: Metering | undefined = { prices: [], isCounting: true }) {
  const clock = new ManualClock();
  const counter = new Answering({ clock });
  const told: Metered[] = [];
  const meter = new Meter({ clock, counter, metering, onMetered: (one) => told.push(one) });
  return { clock, counter, told, meter };
}

function recordOf(run: Run): NewRecord {
  const body = Buffer.from(JSON.stringify({ id: "event-1", kind: "run.ended", run }));
  const end = runEndOf(run);
  return aRecord(1, { body, ...(end !== undefined && { end }) });
}

async function runOf(meter: Meter, record: NewRecord): Promise<Run> {
  const [only] = await meter.add([record]);
  return JSON.parse(Buffer.from(only?.body ?? []).toString()).run;
}

test("a run with its provider's usage is priced in the same turn, and asks nobody", () => {
  const { meter, counter } = aMeter();

  const added = meter.add([recordOf({ ...RUN, usage: PROVIDED })]);

  if (added instanceof Promise) throw new Error("it waits");
  expect(JSON.parse(Buffer.from(added[0]?.body ?? []).toString()).run).toEqual({
    ...RUN,
    usage: PROVIDED,
    cost: { inputUsd: 5, outputUsd: 0, totalUsd: 5, prices: "table", isEstimate: false },
  });
  expect(counter.asked).toBe(0);
});

test("a run without a usage is counted, and its cost is an estimate", async () => {
  const { meter, told } = aMeter();

  const run = await runOf(meter, recordOf(RUN));

  expect(run).toEqual({
    ...RUN,
    usage: COUNTED,
    cost: { inputUsd: 2.5, outputUsd: 1, totalUsd: 3.5, prices: "table", isEstimate: true },
  });
  expect(told).toEqual([{ usage: "counted", prices: "table" }]);
});

test("what was received goes on deciding what is a duplicate", async () => {
  const record = recordOf(RUN);

  const [metered] = await aMeter().meter.add([record]);

  expect(metered?.received).toBe(record.received);
  expect(metered?.body).not.toBe(record.body);
});

test("a record is metered once: given again, it passes as it is", async () => {
  const { meter, counter } = aMeter();
  const once = await meter.add([recordOf(RUN)]);

  expect(meter.add(once)).toBe(once);
  expect(counter.asked).toBe(1);
});

test("a sender's cost is kept, and the tokens are counted all the same (E18)", async () => {
  const { meter, told } = aMeter();
  const cost = { totalUsd: 7, prices: "sender" } as const;

  const run = await runOf(meter, recordOf({ ...RUN, cost }));

  expect(run).toEqual({ ...RUN, usage: COUNTED, cost });
  expect(told).toEqual([{ usage: "counted", prices: "sender" }]);
});

test("a model that nobody has prices for has no cost, never 0", async () => {
  const { meter, told } = aMeter();

  const run = await runOf(
    meter,
    recordOf({ ...RUN, request: { model: "mine", input: "Hi" }, response: {}, usage: PROVIDED }),
  );

  expect(run).not.toHaveProperty("cost");
  expect(told).toEqual([{ usage: "provider", prices: "none" }]);
});

test("prices of the configuration go before the published ones, and can be changed", async () => {
  const { meter } = aMeter({ prices: [{ model: "gpt-4o*", input: 1, output: 1 }], isCounting: true });
  const record = recordOf({ ...RUN, usage: PROVIDED });
  const before = await runOf(meter, record);

  meter.apply({ prices: [{ model: "gpt-4o*", input: 3, output: 1 }], isCounting: true });

  expect([before.cost, (await runOf(meter, record)).cost]).toMatchObject([
    { totalUsd: 2, prices: "override" },
    { totalUsd: 6, prices: "override" },
  ]);
});

test.each(["nothing", "too_large", "busy", "slow", "failed", "closed"] as const)(
  "a run that is not counted (%s) passes as it came, and the reason is told",
  async (reason) => {
    const { meter, counter, told } = aMeter();
    counter.answer = { status: "not_counted", reason };

    expect(await runOf(meter, recordOf(RUN))).toEqual(RUN);
    expect(told).toEqual([{ usage: reason, prices: "none" }]);
  },
);

test("with counting switched off, runs without a usage pass in the same turn", () => {
  const { meter, counter, told } = aMeter({ prices: [], isCounting: false });
  const record = recordOf(RUN);

  const added = meter.add([record]);

  expect(added).toMatchObject([{ body: record.body }]);
  expect(counter.asked).toBe(0);
  expect(told).toEqual([{ usage: "off", prices: "none" }]);
});

test("an end that is stored already is not counted again", async () => {
  const { counter } = aMeter();
  const isStored = (id: string) => id === "event-1";
  const meter = new Meter({
    ...{ clock: new ManualClock(), counter, isStored },
    metering: { prices: [], isCounting: true },
  });
  const record = recordOf(RUN);

  expect(await meter.add([record])).toEqual([record]);
  expect(counter.asked).toBe(0);
});

test("of what is appended together, nothing is counted after two seconds", async () => {
  const { meter, clock, counter, told } = aMeter();
  counter.count = async () => {
    await clock.advance(1_000);
    return { status: "counted", usage: COUNTED };
  };

  await meter.add([RUN, RUN, RUN, { ...RUN, usage: PROVIDED }].map(recordOf));

  expect(told.map(({ usage }) => usage)).toEqual(["counted", "counted", "slow", "provider"]);
});

test("many records come back in their order", async () => {
  const { meter } = aMeter();
  const records = Array.from({ length: 1_000 }, (_, index) => ({
    ...recordOf({ ...RUN, usage: PROVIDED }),
    id: `event-${index}`,
  }));

  const added = await meter.add(records);

  expect(added.map(({ id }) => id)).toEqual(records.map(({ id }) => id));
  expect(added.every(({ body }) => Buffer.from(body).includes('"cost"'))).toBe(true);
});

test("a mistake of ours costs what would have been added, and not the event", async () => {
  const { meter, told } = aMeter();
  const body = Buffer.from('{"id":"event-1"}');

  const added = await meter.add([{ ...recordOf({ ...RUN, usage: PROVIDED }), body }]);

  expect(added).toMatchObject([{ body }]);
  expect(told).toEqual([{ usage: "failed", prices: "none" }]);
});

test("a meter without a configuration adds nothing", () => {
  const { meter } = aMeter();
  const none = new Meter({ clock: new ManualClock(), metering: undefined });
  const records = [recordOf(RUN)];

  expect(none.add(records)).toBe(records);
  expect(meter.add(records)).toBeInstanceOf(Promise);
});
