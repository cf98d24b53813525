import { expect, test } from "vitest";
import { heliconeSink } from "../../../packages/sluice/src/sinks/helicone/sink.ts";
import {
  HELICONE_TEST_KEY,
  startHeliconeServer,
} from "../../../packages/sluice/src/testing/helicone-server.ts";
import { sendWithSdk } from "./client-program.ts";
import { nameOfStart, sendConversation } from "./conversation.ts";
import { type Allowed, expectSameBut, type Stored } from "./differences.ts";

const DIFFERENCES: readonly Allowed[] = [
  {
    field: "*.properties.cost-usd",
    reason: "sluice says it in a property of its own; the SDK's user would have to",
  },
  {
    field: "*.properties.custom",
    reason: "sluice says it in a property of its own; the SDK's user would have to",
  },
  {
    field: "*.properties.parent-run-id",
    reason: "sluice says it in a property of its own; the SDK's user would have to",
  },
  {
    field: "*.properties.run-id",
    reason: "sluice says it in a property of its own; the SDK's user would have to",
  },
  {
    field: "*.properties.stream",
    reason: "sluice says it in a property of its own; the SDK's user would have to",
  },
  {
    field: "*.properties.tags",
    reason: "sluice says it in a property of its own; the SDK's user would have to",
  },
  {
    field: "*.properties.trace-id",
    reason: "sluice says it in a property of its own; the SDK's user would have to",
  },
  {
    field: "*.request.stream",
    reason: "sluice joins a stream before it sends it, and says in a property that it was one",
  },
  {
    field: "*.requestId",
    reason: "ours is derived from the run's id, so that every run id gives one that Helicone takes",
  },
  { field: "*.sessionPath", reason: "sluice makes one of the run above; the SDK's user would have to" },
  { field: "*.url", reason: "the SDK names no address; sluice has the provider's" },
  {
    field: "answer.response",
    reason:
      "of a stream the SDK's user hands over the text, of which Helicone keeps the chunks; ours is the whole answer",
  },
  {
    field: "ask.response",
    reason:
      "of a stream the SDK's user hands over the text, of which Helicone keeps the chunks; ours is the whole answer",
  },
  { field: "embed.response.data", reason: "sluice keeps no vectors, and says so with an empty list" },
  {
    field: "fail.response",
    reason:
      "where a request says `stream`, Helicone reads the answer as one, and cannot read an error; ours is readable",
  },
  {
    field: "tool.response",
    reason:
      "the SDK spreads the result over the record; ours has it under `output`, since it may be no object",
  },
];

test("Helicone has the same of a conversation from sluice as from its manual logger, but for what is meant", async () => {
  const sdk = await stored((url) => sendWithSdk("client-helicone", url, { API_KEY: HELICONE_TEST_KEY }));
  const params = { api_key: HELICONE_TEST_KEY, requests_per_second: 1_000 };
  const sluice = await stored((endpoint) => sendConversation(heliconeSink, { ...params, endpoint }));

  expect(Object.keys(sluice)).toHaveLength(5);
  expectSameBut(sdk, sluice, DIFFERENCES);
});

/** What the server holds after it was sent there, by the run's name. */
async function stored(send: (url: string) => Promise<void>): Promise<Stored> {
  const server = await startHeliconeServer();
  try {
    await send(server.url);
    return Object.fromEntries(server.rows.map((row) => [nameOfStart(row.startedAt), row]));
  } finally {
    await server.close();
  }
}
