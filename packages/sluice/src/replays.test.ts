import { ManualClock } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import type { Routes } from "./dispatch/route-registry.ts";
import { type ReplaySink, Replays } from "./replays.ts";
import type { Spool, SpoolRecord } from "./spool/spool.ts";

test("a plan says how much of what was asked for has been trimmed", async () => {
  const records = [10, 11].map((offset) => ({ offset, flags: 0, event: {}, body: new Uint8Array(1) }));
  const spool = {
    state: { firstOffset: 10, nextOffset: 12 },
    read: async () => records as unknown as SpoolRecord[],
  };
  const replays = new Replays({
    spool: spool as unknown as Spool,
    partition: 0,
    places: {} as Routes,
    clock: new ManualClock(),
    sinkOf: () => ({ type: "file", shape: () => (record: SpoolRecord) => record }) as unknown as ReplaySink,
    warn: () => {},
  });
  const plan = (from?: number, until?: number) =>
    replays.plan({ sink: "a", from, until }, new AbortController().signal);

  expect(await plan(4)).toMatchObject({ from: 10, until: 12, send: 2, gone: 6 });
  expect(await plan(4, 8)).toMatchObject({ send: 0, gone: 4 });
  expect(await plan()).toMatchObject({ send: 2, gone: 0 });
});
