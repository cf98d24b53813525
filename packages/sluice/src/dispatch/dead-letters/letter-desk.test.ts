import { ManualClock, MemoryDisk } from "@sluice/sdk/internal";
import { expect, test, vi } from "vitest";
import type { Outgoing, Sink } from "../../sinks/define.ts";
import type { Delivery } from "../../sinks/delivery.ts";
import { PendingEvent } from "../delivery/pending-event.ts";
import { MemorySpool } from "../memory-spool.test-support.ts";
import { PLACE, record } from "../route.test-support.ts";
import { countDeadLetters } from "./dead-letter-count.ts";
import { DeadLetterRoom } from "./dead-letter-room.ts";
import { openDeadLetters } from "./dead-letters.ts";
import { LetterDesk } from "./letter-desk.ts";
import { readLetters } from "./stored-letter.ts";

const path = "/d/hooks.jsonl";
const forever = new AbortController().signal;

/** A file of letters "a", "b", … and a sink that answers as the test says. */
async function desk(
  names: readonly string[],
  answer: (batch: readonly Outgoing[]) => Delivery | Promise<Delivery>,
) {
  const disk = new MemoryDisk();
  const room = new DeadLetterRoom();
  const place = { clock: new ManualClock(), directory: "/d", sink: "hooks", place: PLACE, low: 0 };
  const letters = await openDeadLetters({ disk, room, ...place });
  const spool = new MemorySpool();
  await spool.append(names.map((name) => record(name)));
  for (const each of spool.records.values()) {
    const items = [new PendingEvent(each, 0, 0)];
    await letters.append([{ items, dead: 1, reason: each.offset % 2 ? "poison" : "rejected", words: "no" }]);
  }
  const sent: string[][] = [];
  const sink: Sink = {
    async send(batch) {
      sent.push(batch.map(({ id }) => id));
      return answer(batch);
    },
    check: async () => undefined,
    close: async () => {},
  };
  const limits = { events: 4, bytes: 1e6 };
  return { disk, room, letters, sent, desk: new LetterDesk({ disk, path, letters, sink, limits }) };
}

async function left(disk: MemoryDisk): Promise<readonly (string | null)[]> {
  const ids: (string | null)[] = [];
  for await (const { id, resolved } of readLetters(disk, path)) if (resolved === undefined) ids.push(id);
  return ids;
}

test("letters that are retried are sent in batches, and those that arrive are done", async () => {
  const {
    disk,
    room,
    letters,
    sent,
    desk: it,
  } = await desk(["a", "b", "c", "d", "e"], () => ({ status: "delivered" }));
  const before = room.bytes;

  expect(await it.retry({}, forever)).toEqual({ resolved: 5, refused: [] });

  expect(sent).toEqual([["a", "b", "c", "d"], ["e"]]);
  expect(await left(disk)).toEqual([]);
  expect(room.bytes).toBeLessThan(before);
  expect(await countDeadLetters(disk, "/d", "hooks", PLACE)).toBe(5);
  expect(await it.retry({}, forever)).toEqual({ resolved: 0, refused: [] });
  await letters.close();
  disk.crash();
  expect(await left(disk)).toEqual([]);
});

test("one that is refused again stays, and its neighbours go", async () => {
  const { disk, desk: it } = await desk(["a", "b", "c", "d"], (batch) =>
    batch.some(({ id }) => id === "c") ? { status: "rejected", reason: "still no" } : { status: "delivered" },
  );

  expect(await it.retry({}, forever)).toEqual({ resolved: 3, refused: [{ offset: 2, reason: "still no" }] });
  expect(await left(disk)).toEqual(["c"]);
});

test("a sink that takes nothing now ends the retry, and all that was not tried stays", async () => {
  let answers = 0;
  const { disk, desk: it } = await desk(["a", "b", "c", "d", "e", "f"], () =>
    answers++ === 0 ? { status: "delivered" } : { status: "blocked", reason: "wrong key" },
  );

  expect(await it.retry({}, forever)).toEqual({ resolved: 4, refused: [], stopped: "wrong key" });
  expect(await left(disk)).toEqual(["e", "f"]);
});

test("one letter can be sent otherwise than it was, and others given up by their reason", async () => {
  const seen: unknown[] = [];
  const { disk, desk: it } = await desk(["a", "b", "c"], (batch) => {
    seen.push(...batch.map(({ event, raw }) => [event.id, event.data, Buffer.from(raw).includes("mended")]));
    return { status: "delivered" };
  });
  const edited = { id: "a", kind: "note.made", time: "2026-01-01T00:00:00Z", data: "mended" };

  expect(await it.retry({ offsets: [0] }, forever, edited)).toMatchObject({ resolved: 1 });
  expect(await it.drop({ reason: "poison" })).toMatchObject({ resolved: 1 });

  expect(seen).toEqual([["a", "mended", true]]);
  expect(await left(disk)).toEqual(["c"]);
});

test("letters that come while others are put away are kept", async () => {
  const { disk, letters, desk: it } = await desk(["a", "b"], () => ({ status: "delivered" }));
  const spool = new MemorySpool();
  await spool.append([record("x"), record("y"), record("later")]);
  const [, , later] = [...spool.records.values()];

  const dropping = it.drop({ offsets: [0, 1] });
  const items = later ? [new PendingEvent(later, 0, 0)] : [];
  const appended = letters.append([{ items, dead: 1, reason: "rejected", words: "no" }]);
  await Promise.all([dropping, appended]);

  expect(await left(disk)).toContain("later");
});

test("what two people retry at once is sent once", async () => {
  const { sent, desk: it } = await desk(["a", "b"], () => ({ status: "delivered" }));

  const outcomes = await Promise.all([it.retry({}, forever), it.retry({}, forever)]);

  expect(outcomes.map(({ resolved }) => resolved)).toEqual([2, 0]);
  expect(sent).toEqual([["a", "b"]]);
});

test("a retry that is broken off by the end of its sink notes what has arrived, and keeps the rest", async () => {
  const answer = Promise.withResolvers<Delivery>();
  const { disk, letters, sent, desk: it } = await desk(["a", "b", "c", "d", "e"], () => answer.promise);

  const retrying = it.retry({}, forever);
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  const closing = it.close();
  answer.resolve({ status: "delivered" });
  await closing;
  await letters.close();

  expect(await retrying).toMatchObject({ resolved: 4, stopped: "it was broken off" });
  expect(await left(disk)).toEqual(["e"]);
});

test("a letter of several events cannot be retried, and says how they are sent again", async () => {
  const { letters, sent, desk: it } = await desk([], () => ({ status: "delivered" }));
  const spool = new MemorySpool();
  await spool.append(["a", "b", "c"].map((name) => record(name)));
  const items = [...spool.records.values()].map((each) => new PendingEvent(each, 0, 0));
  await letters.append([{ items, dead: 2, reason: "partly", words: "no" }]);

  const { refused } = await it.retry({}, forever);

  const reason = "it is 2 of 3 events, and the backend did not say which: replay from 0, then drop it";
  expect(refused).toEqual([{ offset: 0, reason }]);
  expect(sent).toEqual([]);
});
