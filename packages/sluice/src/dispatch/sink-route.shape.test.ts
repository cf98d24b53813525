import type { Event } from "@sluice/sdk";
import { expect, test } from "vitest";
import { assertBalance } from "./balance.ts";
import { stage } from "./route.test-support.ts";

test("a sink gets what its sample leaves of an event, and what is left out is counted", async () => {
  const sample = (event: Event) => {
    if (event.id === "b") return undefined;
    return event.id === "c" ? { ...event, data: "less" } : event;
  };
  const { sink, append, route } = await stage({ sample, definition: { limits: { events: 1, bytes: 1e6 } } });

  await append("a", "b", "c");

  expect(sink.taken).toEqual(["a", "c"]);
  expect(route.status.balance.skipped).toEqual({ sampled: 1 });
  assertBalance(route.status.balance);
});
