import { expect, test } from "vitest";
import { ended, RUN, setUp } from "./rig.test-support.ts";

test("nested metadata, which Lunary drops, is spread over dotted keys", async () => {
  const { server, send } = await setUp();

  await send(
    ended(RUN, {}, { metadata: { team: { name: "blue" }, list: [1], deep: [{ a: 1 }], none: null } }),
  );

  expect(server.runs.get(RUN)?.metadata).toEqual({
    provider: "openai",
    ...{ "team.name": "blue", list: [1], deep: '[{"a":1}]' },
  });
});

test("tags in the metadata, which Lunary takes for the run's own, cannot make it refuse the run", async () => {
  const { server, send } = await setUp();
  const tagsOf = async (runId: string, tags: readonly string[] | undefined, metadata: object) => {
    const delivery = await send(ended(runId, {}, { ...(tags && { tags }), metadata: { ...metadata } }));
    expect(delivery).toMatchObject({ status: "delivered" });
    return [...server.runs.values()].at(-1)?.tags;
  };

  expect(await tagsOf("a", undefined, { tags: "one" })).toEqual(["one"]);
  expect(await tagsOf("b", undefined, { tags: ["one", "two"] })).toEqual(["one", "two"]);
  expect(await tagsOf("c", ["own"], { tags: "one" })).toEqual(["own"]);
  expect(await tagsOf("d", undefined, { tags: 7 })).toEqual([]);
  expect(await tagsOf("e", undefined, {})).toBeUndefined();
});

test.each([
  [{}, { templateVersionId: 12 }],
  [{}, { template_id: "12" }],
  [{ templateId: 12 }, {}],
  [{ templateVersionId: 12, templateId: 3 }, { templateId: 4 }],
])("the version of a prompt template is found in the run %j and the metadata %j", async (run, metadata) => {
  const { server, send } = await setUp();

  await send(ended(RUN, run, { metadata }));

  expect(server.requests[0]?.json).toMatchObject({ events: [{ templateVersionId: 12 }, {}] });
  expect(server.runs.get(RUN)?.templateVersionId).toBe(12);
});

test("a template that is no number, for which Lunary would refuse the run, goes by another name", async () => {
  const { server, send } = await setUp();

  expect(
    await send(ended(RUN, {}, { metadata: { templateId: "welcome", "template-version-id": 1.5 } })),
  ).toMatchObject({
    status: "delivered",
  });

  expect(server.runs.get(RUN)?.metadata).toMatchObject({
    ...{ "template.id": "welcome", "template.versionId": 1.5 },
  });
  expect(server.runs.get(RUN)?.metadata).not.toHaveProperty("templateId");
});
