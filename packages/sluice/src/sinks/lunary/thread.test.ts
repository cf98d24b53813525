import { expect, test } from "vitest";
import { END, ended, RUN, START, setUp } from "./rig.test-support.ts";
import { lunaryId } from "./uuid.ts";

const session = { id: "chat 7", connector: "support" };
const THREAD = lunaryId("chat 7");
const created = { id: "s", kind: "session.created", time: START, session, metadata: { topic: "tea" } };

test("a session is no thread unless its runs are asked to be chats", async () => {
  const { server, send } = await setUp();

  expect(await send(created)).toEqual({ status: "skipped", reason: "unmapped" });
  await send(ended(RUN, {}, { session }));

  expect(server.runs.size).toBe(1);
  expect(server.runs.get(RUN)).not.toHaveProperty("parentRunId");
});

test("a session is a thread with its name, user and metadata, and its runs hang from it", async () => {
  const { server, send } = await setUp({}, { threads: true });
  const scope = { kind: "user", id: "ann" } as const;

  expect(await send({ ...created, scope })).toMatchObject({ status: "delivered" });
  expect(await send(ended(RUN, {}, { session }))).toMatchObject({ status: "delivered" });

  expect(server.runs.get(THREAD)).toMatchObject({
    type: "thread",
    name: "support",
    userId: "ann",
    metadata: { topic: "tea", sessionId: "chat 7" },
  });
  expect(server.runs.get(RUN)?.parentRunId).toBe(THREAD);
  expect(server.requests).toHaveLength(2);
});

test("a session that nobody told of gets its thread from its first run, once, and steps keep their own parent", async () => {
  const { server, send } = await setUp({}, { threads: true });
  const [agent, step] = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"];

  await send(
    ended(step, {}, { session, parentRunId: agent }),
    ended(agent, { type: "agent" }, { session }),
    ended(RUN, {}, { session, time: END }),
  );

  expect([...server.runs.keys()]).toEqual([THREAD, agent, step, RUN]);
  expect([agent, step, RUN].map((id) => server.runs.get(id)?.parentRunId)).toEqual([THREAD, agent, THREAD]);
  expect(server.lost).toEqual([]);
});
