import { expect, test } from "vitest";
import { outgoing } from "../../testing/outgoing.ts";
import { END, ended, forever, RUN, START, setUp, started } from "./rig.test-support.ts";
import { lunarySink } from "./sink.ts";

interface SentEvent {
  readonly event: string;
  readonly timestamp: string;
}

function eventsIn(json: unknown): readonly SentEvent[] {
  return (json as { events: readonly SentEvent[] }).events;
}

test("a time that Lunary cannot read, for which its database puts its own, is never sent", async () => {
  const { server, send } = await setUp();

  await send(ended(RUN, { startTime: "yesterday" }), ended("b", {}, { time: "late" }));

  expect(server.runs.get(RUN)).toMatchObject({ startedAt: END, endedAt: "2026-01-01T00:00:01.001Z" });
  const times = eventsIn(server.requests[0]?.json).map(({ timestamp }) => timestamp);
  expect(times).toHaveLength(4);
  for (const time of times) expect(new Date(time).toISOString()).toBe(time);
});

test("parameters, the user and their props go with the start, as Lunary reads them in no end", async () => {
  const { server, send } = await setUp();
  const scope = { kind: "user", id: "ann", props: { plan: "pro" } } as const;

  await send(ended(RUN, { request: { params: { temperature: 0.5 } } }, { scope }));

  const [start, end] = eventsIn(server.requests[0]?.json);
  expect(start).toMatchObject({ event: "start", userId: "ann", userProps: { plan: "pro" } });
  expect(start).toMatchObject({ params: { temperature: 0.5 } });
  // Its name for them in earlier versions.
  expect(start).not.toHaveProperty("extra");
  for (const name of ["params", "userId", "userProps"]) expect(end).not.toHaveProperty(name);
});

test("no request is without events, which Lunary answers with a 500 that no retry mends", async () => {
  const { server, sink, send } = await setUp();

  await send(started(RUN, { type: "agent" }), ended(RUN, { type: "agent" }));
  await sink.check(forever);
  await sink.send([], forever);

  expect(server.requests.map(({ json }) => eventsIn(json).length)).toEqual([3, 0]);
});

test("a project that does not exist is said of each item, and is for good", async () => {
  const { server, send } = await setUp();
  server.refuseItems(() => "Project with id 7 does not exist.");

  expect(await send(ended(RUN))).toMatchObject({
    status: "rejected",
    reason: "Lunary refused the start: Project with id 7 does not exist.",
  });
});

test("batches stay below the 150 requests a minute that Lunary gives an address, and not a key", () => {
  const { limits, options, tune } = lunarySink;
  const { requestsPerSecond = Number.POSITIVE_INFINITY } = {
    ...limits,
    ...tune?.(options.parse({ api_key: "k" })),
  };

  expect(requestsPerSecond * 60).toBeLessThan(150);
  expect(limits.events).toBeGreaterThan(100);
});

test("run ids are one space for all projects of Lunary: the page says so", () => {
  expect(lunarySink.docs?.notes?.join("\n")).toContain("Run ids are global at Lunary");
});

test("`models/` in front of a name, which Lunary takes away, costs nothing but that", async () => {
  const { server, sink } = await setUp();

  await sink.send([outgoing(ended(RUN, { name: "models/gemini-2.5", startTime: START }))], forever);

  expect(server.runs.get(RUN)?.name).toBe("gemini-2.5");
});

test("a parent and its children are never on the wire at once, or Lunary might see a child first", () => {
  expect(lunarySink.order).toBe("trace");
});
