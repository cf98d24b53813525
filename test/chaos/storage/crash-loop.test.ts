import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  LUNARY_TEST_KEY,
  type LunaryServer,
  startLunaryServer,
} from "../../../packages/sluice/src/testing/lunary-server.ts";
import { balanceHolds, eventually, House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { sinkNow } from "./daemon-status.ts";

const PRELOAD = { NODE_OPTIONS: `--import=${join(import.meta.dirname, "abort-on-poison.ts")}` };

let house: House;
let lunary: LunaryServer;
beforeEach(async () => {
  house = new House();
  lunary = await startLunaryServer();
});
afterEach(async () => {
  await house.close();
  await lunary.close();
});

test("a record that ends every process that decodes it is set aside at the third start (P8, T19)", async () => {
  configure({ lunary: false });
  await house.start();
  for (const text of ["good", "a text that ends the process", "good as well"]) await post(text);
  await house.stop();
  configure({ lunary: true });

  for (let death = 1; death <= 2; death++) {
    await house.start(PRELOAD).catch(() => undefined);
    expect(await house.ended(), `end ${death}`).toBe("SIGABRT");
  }
  await house.start(PRELOAD);
  await eventually(() => (lunary.runs.size === 2 ? true : undefined), 30_000);
  const settled = await eventually(async () => {
    const sink = await sinkNow(house, "lunary");
    return sink.balance.pending === 0 ? sink : undefined;
  }, 30_000);

  expect(settled.balance).toMatchObject({ accepted: 3, delivered: 2, dropped: { quarantined: 1 } });
  expect(balanceHolds(settled.balance)).toBe(true);
  expect([...lunary.runs.values()].map(({ input }) => input)).toEqual(["good", "good as well"]);
  const [kept = ""] = readdirSync(join(house.dataDir, "quarantine"));
  const bytes = readFileSync(join(house.dataDir, "quarantine", kept), "utf8");
  expect(JSON.parse(bytes).run.request.input).toBe("a text that ends the process");
  expect(readFileSync(join(house.dataDir, "sluice.log"), "utf8")).toContain("is set aside");

  await house.kill();
  await house.start(PRELOAD);
  await post("after it");
  await eventually(() => (lunary.runs.size === 3 ? true : undefined), 30_000);
  expect((await house.stop()).exit).toBe(0);
  const verified = await house.run("verify");
  expect(verified.exit, verified.stderr).toBe(0);
  figure("P8", "starts until a record that ends every process is set aside", 3, "3");
}, 180_000);

function configure({ lunary: enabled }: { readonly lunary: boolean }): void {
  house.configure(`
    [[sinks]]
    name = "lunary"
    type = "lunary"
    enabled = ${enabled}
    params = { api_key = "${LUNARY_TEST_KEY}", endpoint = "${lunary.endpoint}", requests_per_second = 100 }
  `);
}

async function post(input: string): Promise<void> {
  const run = { type: "llm", startTime: "2026-01-01T00:00:00Z", status: "ok", request: { input } };
  const event = { kind: "run.ended", runId: crypto.randomUUID(), run };
  const answer = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(event),
  });
  expect(answer.status).toBe(202);
}
