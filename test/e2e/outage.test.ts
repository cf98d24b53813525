import { randomUUID } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import type { Answer } from "../../packages/sluice/src/testing/answer.ts";
import { type Backend, startBackend } from "../../packages/sluice/src/testing/backend.ts";
import { createLunary, LUNARY_TEST_KEY } from "../../packages/sluice/src/testing/lunary-server.ts";
import { balanceHolds, eventually, House } from "./daemon.ts";

const DOWN_MS = 10_000;
const MENDED_KEY = "0b6d2f0e-64a4-4d6e-9f0b-2f1f2f6d7c11";

const house = new House();
let backend: Backend;

afterEach(async () => {
  await house.close();
  await backend.close();
});

test("an outage of every kind ends with everything delivered, and dead letters only for what was refused", async () => {
  const keys = [LUNARY_TEST_KEY];
  const lunary = createLunary({ keys });
  let fault: () => Answer | undefined = () => undefined;
  backend = await startBackend({ answer: (request) => fault() ?? lunary.answer(request) });
  configure(LUNARY_TEST_KEY);
  await house.start();
  const posted: string[] = [];
  const postRuns = async (names: readonly string[]) => void posted.push(...(await post(names)));
  const settled = (pending: number) => async () => {
    const { balance } = await house.sink("lunary");
    return balance.pending === pending ? balance : undefined;
  };

  // 500 for ten seconds.
  fault = () => ({ status: 500, body: "Internal Server Error" });
  const upAtMs = performance.now() + DOWN_MS;
  await postRuns(Array.from({ length: 300 }, (_, index) => `down-${index}`));
  while (performance.now() < upAtMs) {
    await expectPromptFile(postRuns);
    await expectBalances();
  }
  expect((await house.sink("lunary")).state).toMatch(/^(degraded|unavailable|probing)$/);
  const asked = backend.requests.length;
  expect(asked, "a backend that is down is left alone").toBeLessThan(60);

  // 429, once, with a delay of its own.
  const limited = Promise.withResolvers<number>();
  const retried = Promise.withResolvers<number>();
  fault = () => {
    fault = () => {
      retried.resolve(performance.now());
      fault = () => undefined;
      return undefined;
    };
    limited.resolve(performance.now());
    return { status: 429, headers: { "retry-after": "3" }, body: "Sometimes You Just Have to Slow Down." };
  };
  expect((await retried.promise) - (await limited.promise)).toBeGreaterThan(2_900);
  await eventually(settled(0), 30_000);
  expect(lunary.runs.size).toBe(posted.length);

  // Some items are refused for good.
  lunary.refuseItems((item) => (String(item["name"]).startsWith("refused") ? "Invalid run" : undefined));
  await postRuns(["good-1", "refused-1", "good-2", "refused-2", "good-3"]);
  expect(await eventually(settled(0), 10_000)).toMatchObject({ deadLettered: 2 });
  await expectBalances();

  // The key is not good any more, until somebody mends it.
  keys.splice(0, 1, MENDED_KEY);
  await postRuns(["locked-1", "locked-2"]);
  await eventually(async () => ((await house.sink("lunary")).state === "paused" ? true : undefined), 5_000);
  await expectPromptFile(postRuns);
  await expectBalances();
  await house.stop();
  configure(MENDED_KEY);
  await house.start();

  const balance = await eventually(settled(0), 10_000);
  expect(balance).toMatchObject({ accepted: posted.length, delivered: posted.length - 2, deadLettered: 2 });
  expect([...lunary.runs.values()].filter((run) => run.status === "success")).toHaveLength(posted.length - 2);
  // What is lost there is the ends of the runs whose starts it refused.
  expect(lunary.lost).toHaveLength(2);
  expect(house.lines().map((event) => event.runId)).toEqual(posted);
  await house.stop();
  const verified = await house.run("verify");
  expect(verified.exit, verified.stderr).toBe(0);
}, 90_000);

function configure(key: string): void {
  house.configure(`
    [[sinks]]
    name = "file"
    type = "file"
    params = { path = "events.jsonl" }

    [[sinks]]
    name = "lunary"
    type = "lunary"
    retry = { max_wait = "2s" }
    params = { api_key = "${key}", endpoint = "${backend.url}", requests_per_second = 50 }
  `);
}

/** Posts whole runs as an application would, and returns their ids. */
async function post(names: readonly string[]): Promise<readonly string[]> {
  const runs = names.map((name) => {
    const time = new Date().toISOString();
    const run = { type: "llm", name, startTime: time, status: "ok", response: { output: "yes" } };
    return { kind: "run.ended", time, runId: randomUUID(), run };
  });
  const answer = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(runs),
  });
  expect(answer.status, await answer.text()).toBe(202);
  return runs.map(({ runId }) => runId);
}

/**
 * The file has what is posted now after a batch's second, whatever Lunary does. The rest is for a slow
 * machine.
 */
async function expectPromptFile(postRuns: (names: readonly string[]) => Promise<void>): Promise<void> {
  const before = house.lines().length;
  await postRuns(["meanwhile"]);
  await eventually(() => (house.lines().length > before ? true : undefined), 3_000);
}

async function expectBalances(): Promise<void> {
  for (const sink of await house.sinks()) expect(balanceHolds(sink.balance), JSON.stringify(sink)).toBe(true);
}
