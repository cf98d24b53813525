import { expect, test } from "vitest";
import { startBackend } from "../../testing/backend.ts";
import { exchangeJson, exchangeLine } from "./exchange-line.ts";
import { openLunaryMock } from "./lunary.ts";

test("a line counts what is stored and tells of every item that is not", async () => {
  const { line, json } = await exchange([
    { event: "start", runId: "run", timestamp: 1 },
    { event: "start", runId: "run", timestamp: 2 },
  ]);

  expect(line).toBe(
    "NOW POST / 200, 1 stored, refused run (Run with this ID already exists in the database.)",
  );
  expect(json).toMatchObject({
    at: "NOW",
    status: 200,
    items: [{ outcome: "stored" }, { outcome: "refused" }],
  });
});

test("an answer that refuses everything is shown on one line", async () => {
  const { line } = await exchange([], "somebody's key");

  expect(line).toBe('NOW POST / 401, {"message":"Invalid access token"}');
});

async function exchange(events: readonly object[], key?: string) {
  const mock = openLunaryMock();
  const seen = Promise.withResolvers<{ line: string; json: unknown }>();
  const backend = await startBackend({
    answer: async (arrived) => {
      const request = { ...arrived, path: mock.path };
      const answer = await mock.answer(request);
      const told = { at: "NOW", request: arrived, answer, items: mock.itemsOf(request, answer) };
      seen.resolve({ line: exchangeLine(told), json: JSON.parse(exchangeJson(told)) });
      return answer;
    },
  });
  await fetch(backend.url, {
    method: "POST",
    headers: { authorization: `Bearer ${key ?? mock.keys["api_key"]}` },
    body: JSON.stringify({ events }),
  });
  await backend.close();
  return seen.promise;
}
