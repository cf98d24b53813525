import { kindCode } from "@sluice/sdk";
import { ManualClock } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import { createHub, type Hub, type LiveItem, type LiveRecord, type SubscribeOptions } from "./hub.ts";

const opened: AbortController[] = [];
afterEach(() => {
  for (const controller of opened.splice(0)) controller.abort();
});

test("a viewer gets what is published after it came, in order", async () => {
  const { hub, watch } = openHub();
  hub.publish([record("run.started", "before")]);
  const viewer = watch();
  const first = viewer.next();

  hub.publish([record("run.started", "a"), record("run.ended", "b")]);

  expect(await first).toMatchObject({ type: "event", seq: 2, json: expect.stringContaining('"a"') });
  expect(await viewer.next()).toMatchObject({ type: "event", seq: 3, json: expect.stringContaining('"b"') });
});

test("a slow viewer finds one gap with the exact count, then the rest", async () => {
  const { hub, watch } = openHub({ entries: 10, bytes: 1_000_000 });
  const viewer = watch();
  const first = viewer.next();
  hub.publish([record("x", "0")]);
  await first;

  for (let number = 1; number <= 25; number++) hub.publish([record("x", String(number))]);

  expect(await viewer.next()).toEqual({ type: "gap", seq: 16, missed: 15 });
  expect(await viewer.next()).toMatchObject({ seq: 17, json: expect.stringContaining('"16"') });
  expect(hub.missed).toBe(15);
});

test("a filtered viewer's gap counts only what it wanted", async () => {
  const { hub, watch } = openHub({ entries: 4, bytes: 1_000_000 });
  const viewer = watch({ kinds: ["run.*"] });
  const first = viewer.next();
  hub.publish([record("run.started", "0")]);
  await first;

  for (let number = 0; number < 8; number++)
    hub.publish([record(number % 2 ? "run.ended" : "cache.hit", "n")]);

  expect(await viewer.next()).toMatchObject({ type: "gap", missed: 2 });
});

test("the ring never holds more bytes than its limit, and one larger event is a gap", async () => {
  const { hub, watch } = openHub({ entries: 1_000, bytes: 500 });
  const viewer = watch();
  const first = viewer.next();

  hub.publish([record("x", "a"), record("x", "y".repeat(1_000)), record("x", "b")]);

  expect(await first).toMatchObject({ type: "gap", missed: 2 });
  expect(await viewer.next()).toMatchObject({ json: expect.stringContaining('"b"') });
});

test("only the run or the custom kind that was asked for comes through", async () => {
  const { hub, watch } = openHub();
  const byRun = watch({ runId: "r2" });
  const byKind = watch({ kinds: ["shop.sold"] });
  const nextRun = byRun.next();
  const nextKind = byKind.next();

  hub.publish([record("run.started", "r1"), record("run.started", "r2"), record("shop.sold", "r3")]);

  expect(await nextRun).toMatchObject({ seq: 2 });
  expect(await nextKind).toMatchObject({ seq: 3 });
});

test("a viewer that comes back resumes behind what it saw, and learns what is gone", async () => {
  const { hub, watch, clock } = openHub({ entries: 3, bytes: 1_000_000 });
  const viewer = watch();
  const first = viewer.next();
  hub.publish([record("x", "1")]);
  await first;
  viewer.end();
  await viewer.next();
  for (const id of ["2", "3"]) hub.publish([record("x", id)]);

  expect(await watch({ after: 1 }).next()).toMatchObject({ type: "event", seq: 2 });

  for (const id of ["4", "5"]) hub.publish([record("x", id)]);
  expect(await watch({ after: 1 }).next()).toEqual({ type: "gap", seq: 2, missed: 1 });
  expect(clock.timers).toBe(0);
});

test("nothing is kept while nobody watches, yet numbers go on", async () => {
  const { hub, watch, clock } = openHub();
  await clock.advance(120_000);
  hub.publish([record("x", "1"), record("x", "2")]);

  expect(hub.seq).toBe(2);
  expect(await watch({ after: 0 }).next()).toEqual({ type: "gap", seq: 2, missed: 2 });
});

test("closing the hub or the viewer's signal ends the iteration", async () => {
  const { hub, watch } = openHub();
  const gone = watch();
  const last = gone.next();
  gone.end();
  expect(await last).toBeUndefined();
  expect(hub.subscribers).toBe(0);

  const other = watch().next();
  hub.close();
  expect(await other).toBeUndefined();
});

test("a pretty-printed event is shown on one line", async () => {
  const { hub, watch } = openHub();
  const next = watch().next();

  hub.publish([{ kindCode: 0, body: Buffer.from('{\r\n "kind": "x"\n}') }]);

  expect(await next).toMatchObject({ json: '{  "kind": "x" }' });
});

function openHub(limits?: { entries: number; bytes: number }) {
  const clock = new ManualClock();
  const hub = createHub(clock, limits);
  const watch = (options: Omit<SubscribeOptions, "signal"> = {}) => viewer(hub, options);
  return { hub, clock, watch };
}

function viewer(hub: Hub, options: Omit<SubscribeOptions, "signal">) {
  const controller = new AbortController();
  opened.push(controller);
  const iterator = hub.subscribe({ ...options, signal: controller.signal })[Symbol.asyncIterator]();
  return {
    next: async (): Promise<LiveItem | undefined> => (await iterator.next()).value,
    end: () => controller.abort(),
  };
}

function record(kind: string, runId: string): LiveRecord {
  return { kindCode: kindCode(kind), runId, body: Buffer.from(JSON.stringify({ kind, runId })) };
}
