import { expect, test } from "vitest";
import { ids, stage } from "./route.test-support.ts";

const EIO = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });

test("a spool that cannot be read fails no route: it is tried again, shows in the health, and costs nothing (P7)", async () => {
  const setup = await stage();
  setup.spool.unreadable = EIO;
  // The read that waits for it ends with the error.
  await setup.append("first");
  await setup.append(...ids(50));
  await setup.clock.advance(500);
  const early = setup.route.status;
  await setup.clock.advance(60_000);
  const late = setup.route.status;

  setup.spool.unreadable = undefined;
  await setup.clock.advance(40_000);

  expect(early).toMatchObject({ state: { name: "running" }, health: { name: "degraded" } });
  expect(early.lastError).toContain("the spool cannot be read: EIO");
  expect(late).toMatchObject({ state: { name: "running" }, health: { name: "unavailable" } });
  expect(setup.warnings).toHaveLength(1);
  expect(setup.sink.taken).toEqual(["first", ...ids(50)]);
  expect(setup.route.status).toMatchObject({ health: { name: "healthy" }, lag: 0 });
  expect(setup.route.status.lastError).toBeUndefined();
});

test("a route whose spool cannot be read drains no longer than it may, and closes", async () => {
  const setup = await stage();
  setup.spool.unreadable = EIO;
  await setup.append(...ids(3));
  const patience = new AbortController();
  const draining = setup.route.drain(patience.signal);
  await setup.clock.advance(1_000);

  patience.abort();
  await draining;
  await setup.route.close();

  expect(setup.route.status.state.name).toBe("closed");
});
