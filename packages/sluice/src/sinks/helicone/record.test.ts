import { readFileSync } from "node:fs";
import type { Event } from "@sluice/sdk";
import { expect, test } from "vitest";
import { HELICONE_TEST_KEY, type HeliconeRow } from "../../testing/helicone-server.ts";
import { ended, setUp } from "./rig.test-support.ts";

/** What `@helicone/helpers` 1.8.3 sent of a call, a tool and a vector database, as it was recorded. */
const RECORDED: readonly { path: string; headers: Record<string, string>; body: object }[] = JSON.parse(
  readFileSync(new URL("golden/helpers-1.8.3.json", import.meta.url), "utf8"),
);

const envelope = {
  scope: { kind: "user", id: "ann" },
  session: { id: "s-1" },
  metadata: { Feature: "support" },
} as const;

/** The same told to sluice. */
const TOLD: readonly Event[] = [
  ended(
    {
      name: "gpt-4o",
      request: {
        model: "gpt-4o",
        input: [{ role: "user", content: "Hi" }],
        params: { temperature: 0.5 },
      },
      response: {
        id: "chatcmpl-1",
        model: "gpt-4o-2024-08-06",
        output: { role: "assistant", content: "Hello!" },
        finishReasons: ["stop"],
      },
      usage: {
        ...{ input: 6, cacheRead: 2, output: 3, source: "provider" },
        raw: {
          ...{ prompt_tokens: 8, completion_tokens: 3, total_tokens: 11 },
          prompt_tokens_details: { cached_tokens: 2 },
        },
      },
    },
    envelope,
  ),
  ended(
    { type: "tool", name: "search", request: { input: { q: "fox" } }, response: { output: 3 } },
    envelope,
  ),
  ended(
    {
      type: "retriever",
      name: "search",
      request: { input: "fox", params: { topK: 3 } },
      response: { output: ["a"] },
    },
    envelope,
  ),
];

test.each([
  ["a call", 0],
  ["a tool", 1],
  ["a vector database", 2],
])("%s is the same row, whether Helicone's own helpers sent it or sluice", async (_name, index) => {
  const { server, send } = await setUp();
  const recorded = RECORDED[index];
  const told = TOLD[index];
  if (!recorded || !told) throw new Error("nothing to compare");

  await fetch(`${server.url}${recorded.path}`, {
    method: "POST",
    headers: { ...recorded.headers, authorization: `Bearer ${HELICONE_TEST_KEY}` },
    body: JSON.stringify(recorded.body),
  });
  await send(told);

  const [theirs, ours] = server.rows;
  expect(comparable(ours)).toEqual(comparable(theirs));
  expect(ours?.properties).toMatchObject({ ...theirs?.properties });
});

/**
 * What is left out differs on purpose: the id (theirs is the caller's or random), the times, the address
 * (theirs is never one), the path in the session (theirs is the caller's), and properties that we add.
 */
function comparable(row: HeliconeRow | undefined): object {
  const {
    requestId: _,
    startedAt: __,
    delayMs: ___,
    url: ____,
    sessionPath: _____,
    properties: ______,
    ...rest
  } = row ?? ({} as Partial<HeliconeRow>);
  return rest;
}
