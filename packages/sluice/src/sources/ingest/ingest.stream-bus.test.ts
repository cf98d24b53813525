import { deriveId, endId } from "@sluice/sdk/internal";
import { expect, test } from "vitest";
import { FLAG_BINDS, FLAG_PARTIAL, FLAG_UNBOUND } from "../../spool/spool.ts";
import { openIngest } from "../../testing/ingest-door.ts";

const json = JSON.stringify;
const timestamp = "2026-11-21T04:00:00Z";
const delta = { type: "TextDelta", data: { text: "Hi" }, timestamp };
const session = { scroll_id: "t-1", connector_id: "c-1", native_session_id: "s-1" };
const started = { type: "MessageStarted", timestamp, ...session, message_id: "m-1", model: "m" };
const completed = { type: "MessageCompleted", timestamp, ...session, message_id: "m-1", output: "Hi" };

test.each(["", "?dialect=stream"])("a stream event is taken with the query %j", async (query) => {
  await using door = await openIngest();

  const answer = await door.post(json(delta), {}, query);

  expect(answer.status).toBe(202);
  expect(door.intake.events).toMatchObject([{ kind: "stream.TextDelta", time: timestamp, data: delta.data }]);
});

test.each(["", "?dialect=bus"])("events of the bus are taken with the query %j", async (query) => {
  await using door = await openIngest();

  const answer = await door.post(json([started, completed]), {}, query);

  expect(answer.status).toBe(202);
  expect(door.intake.records).toMatchObject([
    { flags: FLAG_BINDS, orderKey: "t-1" },
    { flags: FLAG_BINDS | FLAG_PARTIAL, orderKey: "t-1" },
  ]);
});

test("events of the bus without a trace wait for it in the order of their session", async () => {
  await using door = await openIngest();
  const { scroll_id: _none, ...unbound } = session;
  const call = { type: "tool_call", tool_call_id: "t", status: "completed" };
  const tool = { type: "SessionUpdate", timestamp, ...unbound, update: call };

  await door.post(json([{ ...started, scroll_id: null }, { ...completed, scroll_id: "" }, tool]));

  const waiting = { flags: FLAG_PARTIAL | FLAG_UNBOUND, orderKey: '["c-1","s-1"]' };
  expect(door.intake.records).toMatchObject([waiting, waiting, waiting]);
  // The id of the end of a run is left to what will be delivered.
  const [, , end] = door.intake.events;
  expect(end?.id).not.toBe(endId(String(end?.runId)));
});

test("forms may be mixed in one body, each told by its keys", async () => {
  await using door = await openIngest();
  const lines = [delta, started, { kind: "order.placed" }, { type: "llm", event: "start", runId: "r-1" }];

  const answer = await door.lines(lines.map((line) => json(line)).join("\n"));

  expect(answer.body).toMatchObject({ accepted: 4 });
  expect(door.intake.events.map(({ kind }) => kind)).toEqual([
    ...["stream.TextDelta", "run.started", "order.placed", "run.started"],
  ]);
});

test("equal pieces of text are two events, and one with its place in a stream is the same each time", async () => {
  await using door = await openIngest();
  const placed = json({ ...delta, stream_id: "s-1", seq: 4 });

  const plain = await door.post(json([delta, delta]));
  const first = await door.post(placed);
  const again = await door.post(placed);
  const other = await door.post(json({ ...delta, stream_id: "s-1", seq: 4, data: { text: "Ho" } }));

  expect(plain.body).toMatchObject({ accepted: 2 });
  expect(first.body).toMatchObject({ accepted: 1, items: [{ id: deriveId("s-1", "seq:4") }] });
  expect(again.body).toMatchObject({ accepted: 0, duplicates: 1 });
  expect([other.status, other.body["code"]]).toEqual([409, "conflict"]);
});

test("an event of the bus that is sent again is a duplicate, bound to a trace or not", async () => {
  await using door = await openIngest();
  const { scroll_id: _none, ...unbound } = started;

  for (const body of [json(started), json(unbound)]) {
    await door.post(body);
    await door.clock.advance(5_000);
    const again = await door.post(body);

    expect(again.body).toMatchObject({ accepted: 0, duplicates: 1 });
  }
});

test("what has the keys of two forms is refused until the query says which", async () => {
  await using door = await openIngest();
  const both = { ...delta, connector_id: "c-1", native_session_id: "s-1" };

  const unsaid = await door.post(json(both));
  const canonical = await door.post(json({ ...delta, kind: "a.b" }));
  const asStream = await door.post(json(both), {}, "?dialect=stream");
  const asBus = await door.post(json(both), {}, "?dialect=bus");

  expect([unsaid.status, unsaid.body["code"]]).toEqual([400, "ambiguous_dialect"]);
  expect(unsaid.body["detail"]).toContain("?dialect=bus or ?dialect=stream");
  expect([canonical.status, canonical.body["code"]]).toEqual([400, "ambiguous_dialect"]);
  expect([asStream.status, asBus.status]).toEqual([202, 202]);
  expect(door.intake.events.map(({ kind }) => kind)).toEqual(["stream.TextDelta", "bus.TextDelta"]);
});

test.each([
  ["?dialect=stream", { ...delta, timestamp: "0001-01-01T00:00:00Z" }, "missing_field", "timestamp"],
  ["?dialect=stream", { ...delta, data: [] }, "invalid_field", "data"],
  ["?dialect=bus", { ...started, native_session_id: undefined }, "missing_field", "native_session_id"],
  ["", { ...completed, usage: { output_tokens: -1 } }, "out_of_range", "usage.output_tokens"],
])("with the query %j, %j is refused as %s of %s", async (query, payload, code, field) => {
  await using door = await openIngest();

  const answer = await door.post(json(payload), {}, query);

  expect(answer.body).toMatchObject({ code, field });
});
