import { randomUUID } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { eventually, House } from "./daemon.ts";

const house = new House();

afterAll(() => house.close());

test("a full spool makes room at once of what every sink has, and names the sink it keeps the rest for", async () => {
  house.configure(`
    [spool]
    max_bytes = "8 MiB"

    # Seventy texts of one letter are two seconds of counting, and nothing here is about tokens.
    [tokens]
    count = false

    [[sinks]]
    name = "log"
    type = "file"

    [[sinks]]
    name = "down"
    type = "lunary"
    params = { api_key = "k", endpoint = "http://127.0.0.1:9" }
  `);
  await house.start();

  // Three times what it may hold; each within less time than there is between two sweeps.
  for (let index = 0; index < 240; index++) {
    const note = { kind: "note.taken", data: { index, text: TEXT } };
    await eventually(async () => ((await post(note)).status === 202 ? true : undefined), 5_000);
  }
  const refused = await eventually(async () => {
    const run = { type: "llm", startTime: "2026-11-21T05:00:00Z", status: "ok", request: { input: TEXT } };
    const answer = await post({ kind: "run.ended", runId: randomUUID(), run });
    const problem = await answer.text();
    return problem.includes('\\"down\\"') ? problem : undefined;
  }, 5_000);

  expect(JSON.parse(refused).detail).toMatch(/max_bytes\); the sink "down" has yet to take \d+ records$/);
});

const TEXT = "x".repeat(100_000);

function post(event: object): Promise<Response> {
  return fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(event),
  });
}
