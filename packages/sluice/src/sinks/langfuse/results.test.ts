import { afterEach, expect, test } from "vitest";
import { called, closeAll, ended, scored, setUp as setUpMode } from "./langfuse.test-support.ts";

afterEach(closeAll);

const setUp = (server: Parameters<typeof setUpMode>[0] = { version: 3 }) =>
  setUpMode(server, { mode: "ingestion" });

const itemsOf = (body: unknown) => Object(body).batch as readonly { id: string }[];

test("of a 207, 201 is delivered, 404 is for good, and a 5xx goes again under the same envelope id", async () => {
  const { send, langfuse, bodies } = await setUp();
  const statusOf: Record<string, number> = { gone: 404, later: 500 };
  langfuse.refuseItems((item) => statusOf[Object(item.body).id]);
  const child = { parentRunId: "above" };
  const later = ended("later", {}, child);

  const delivery = await send(ended("good", {}, child), ended("gone", {}, child), later);
  langfuse.refuseItems(() => undefined);
  await send(later);

  expect(delivery).toMatchObject({
    httpStatus: 207,
    each: [{ status: "delivered" }, { status: "rejected" }, { status: "retry" }],
  });
  const [first, second] = bodies().map(itemsOf);
  expect(second?.[0]?.id).toBe(first?.[2]?.id);
  expect(langfuse.observations.map(({ id }) => id)).toEqual(["good", "later"]);
});

test("an item that stands in neither list is tried again", async () => {
  const { send, langfuse } = await setUp();
  langfuse.forgetItems((item) => Object(item.body).id === "lost");
  const child = { parentRunId: "above" };

  const delivery = await send(ended("lost", {}, child), ended("good", {}, child));

  expect(delivery).toMatchObject({ each: [{ status: "retry" }, { status: "delivered" }] });
});

test("an item that the schema refuses is rejected alone, and its neighbours are stored", async () => {
  const { send, langfuse } = await setUp();
  const bad = ended("bad", {}, { traceId: "a\rb", parentRunId: "above" });

  const delivery = await send(bad, ended("good"));

  expect(delivery).toMatchObject({ each: [{ status: "rejected" }, { status: "delivered" }] });
  expect(langfuse.observations).toMatchObject([{ id: "good" }]);
});

test("a server in events_only blocks: all 207/400, nothing delivered, nothing dead, and the mode it needs", async () => {
  const { send, langfuse } = await setUp({ version: 4 });

  const delivery = await send(ended("a"), ended("b"), scored("a", 1));

  expect(delivery).toMatchObject({ status: "blocked", reason: expect.stringContaining('mode = "otlp"') });
  expect(langfuse.observations).toEqual([]);
});

test.each(["dual", "legacy"] as const)(
  "a v4 that writes %s takes what this mode sends",
  async (writeMode) => {
    const { send, langfuse } = await setUp({ version: 4, writeMode });

    expect(await send(ended("r"), called("r"), scored("r", 1))).toMatchObject({ status: "delivered" });
    expect(langfuse.observations).toHaveLength(2);
  },
);

test("what a second request meets is left for the next try, and the first one's items stay delivered", async () => {
  const { send, langfuse } = await setUp();
  langfuse.script("pass", { status: 401 });
  const runs = Array.from({ length: 17 }, (_, index) => ended(`r${index}`));

  const delivery = await send(...runs);

  const statuses = delivery.status === "mixed" ? delivery.each.map(({ status }) => status) : [];
  expect(statuses).toEqual([...new Array(16).fill("delivered"), "retry"]);
});

test("what a second request is slowed down for waits as long as Langfuse says", async () => {
  const { send, langfuse } = await setUp();
  langfuse.script("pass", { status: 429, headers: { "retry-after": "7" } });

  const delivery = await send(...Array.from({ length: 17 }, (_, index) => ended(`r${index}`)));

  const last = delivery.status === "mixed" ? delivery.each.at(-1) : undefined;
  expect(last).toMatchObject({ status: "retry", retryAfterMs: 7_000 });
});

test("an answer that is no 207 of Langfuse's is no success, whatever its status", async () => {
  const { send, langfuse } = await setUp();
  langfuse.script("lie", "html", { body: {} }, { status: 207, body: { successes: [] } });

  for (const _ of [1, 2, 3, 4]) expect(await send(ended("r"))).toMatchObject({ status: "retry" });
});

test("the cloud's word that the route ends, in an answer of successes, is said once", async () => {
  const { send, langfuse, warnings } = await setUp({ version: 4, writeMode: "dual", isCloud: true });

  expect(await send(ended("a"))).toMatchObject({ status: "delivered" });
  await send(ended("b"));
  await send(scored("a", 1));

  expect(langfuse.requests).toHaveLength(3);
  expect(warnings).toEqual([expect.stringContaining("Langfuse v3 is deprecated")]);
});

test.each([
  [400, "rejected"],
  [401, "blocked"],
  [403, "blocked"],
  [413, "tooLarge"],
  [429, "retry"],
  [500, "retry"],
] as const)("a whole answer of %i is %s", async (status, outcome) => {
  const { send, langfuse } = await setUp();
  langfuse.script({ status });

  expect(await send(ended("a"), ended("b"))).toMatchObject({ status: outcome });
});
