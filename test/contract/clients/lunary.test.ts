import { expect, test } from "vitest";
import { lunarySink } from "../../../packages/sluice/src/sinks/lunary/sink.ts";
import { LUNARY_TEST_KEY, startLunaryServer } from "../../../packages/sluice/src/testing/lunary-server.ts";
import { sendWithSdk } from "./client-program.ts";
import { nameOf, sendConversation } from "./conversation.ts";
import { type Allowed, expectSameBut, type Stored } from "./differences.ts";

const DIFFERENCES: readonly Allowed[] = [
  {
    field: "*.metadata.costUsd",
    reason:
      "Lunary has no place of its own for it, and computes a cost by the run's name and two totals; the SDK leaves it out",
  },
  {
    field: "*.metadata.custom",
    reason: "Lunary drops what is nested in metadata; sluice spreads it over dotted keys, which it keeps",
  },
  {
    field: "*.metadata.model",
    reason:
      "Lunary has no place of its own for it, and computes a cost by the run's name and two totals; the SDK leaves it out",
  },
  {
    field: "*.metadata.provider",
    reason:
      "Lunary has no place of its own for it, and computes a cost by the run's name and two totals; the SDK leaves it out",
  },
  {
    field: "*.metadata.reasoningTokens",
    reason:
      "Lunary has no place of its own for it, and computes a cost by the run's name and two totals; the SDK leaves it out",
  },
  {
    field: "*.metadata.sessionId",
    reason:
      "the SDK knows a session as a thread of chat messages only; sluice says of every run which one it belongs to",
  },
  {
    field: "*.runtime",
    reason: "it says who sent it",
  },
];

test("Lunary has the same of a conversation from sluice as from its own SDK, but for what is meant", async () => {
  const sdk = await stored((url) => sendWithSdk("client-lunary", url, { API_KEY: LUNARY_TEST_KEY }));
  const params = { api_key: LUNARY_TEST_KEY, requests_per_second: 1_000 };
  const sluice = await stored((endpoint) => sendConversation(lunarySink, { ...params, endpoint }));

  expect(Object.keys(sluice)).toHaveLength(6);
  expectSameBut(sdk, sluice, DIFFERENCES);
});

/** What the server holds after it was sent there, by the run's name. */
async function stored(send: (url: string) => Promise<void>): Promise<Stored> {
  const server = await startLunaryServer();
  try {
    await send(server.url);
    expect(server.lost).toEqual([]);
    return Object.fromEntries([...server.runs].map(([id, run]) => [nameOf(id), run]));
  } finally {
    await server.close();
  }
}
