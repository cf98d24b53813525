import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, type TestContext, test } from "vitest";
import { eventually, House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { compilePreload } from "../preload.ts";
import { scaled } from "../scale.ts";
import { missingTools } from "../tools.ts";
import { Injector } from "./injector.ts";

/** A real daemon whose disk fails, and gets better. */
const ROUNDS = scaled({ test: 1, chaos: 15, soak: 150 });

const missing = missingTools("linux", "cc");
let library = "";

beforeAll(async () => {
  if (!missing) library = await compilePreload(join(import.meta.dirname, "../native/inject.c"));
});
afterAll(() => library && rmSync(dirname(library), { recursive: true, force: true }));

test.skipIf(missing).for(["disk", "os"])(
  `one sync that fails nobody notices, two in a row refuse, and it recovers by itself: %s (P7, T12)${missing}`,
  { concurrent: true, timeout: scaled({ test: 60_000, chaos: 600_000, soak: 6_000_000 }) },
  async (durability, context) => {
    const { house, injector } = await start(durability, context);
    const syncs = `${house.dataDir}/spool/`;
    const acknowledged: string[] = [];
    const take = async (): Promise<number> => {
      const id = randomUUID();
      const { status } = await post(house, id);
      if (status === 202) acknowledged.push(id);
      return status;
    };
    let longestMs = 0;
    for (let round = 0; round < ROUNDS; round++) {
      injector.set({ path: syncs, call: "sync", at: 1, times: 1, mishap: { fail: "EIO" } });
      expect(await take()).toBe(202);
      await eventually(() => (injector.hits === 1 ? true : undefined), 5_000);
      expect(await take()).toBe(202);
      expect((await health(house)).status).toBe(200);

      injector.set({ path: syncs, call: "sync", at: 1, mishap: { fail: "EIO" } });
      const before = acknowledged.length;
      const refused = await eventually(async () => {
        const answer = await post(house, randomUUID());
        return answer.status === 503 ? answer : undefined;
      }, 5_000);
      const sick = await eventually(async () => {
        const found = await health(house);
        return found.status === 503 ? found : undefined;
      }, 5_000);
      expect(refused).toMatchObject({ status: 503, code: "spool_failed", retryAfter: "5" });
      expect(sick.body).toMatchObject({ status: "not ready", spool: { code: "spool_failed" } });
      expect(sick.body.reason).toContain("EIO");
      // Dispatch goes on with what is readable: an os event that is held is not yet.
      await eventually(
        async () => ((await health(house)).body.sinks[0]?.lag === 0 ? true : undefined),
        10_000,
      );

      injector.end();
      const fromMs = performance.now();
      await eventually(async () => ((await take()) === 202 ? true : undefined), 15_000);
      longestMs = Math.max(longestMs, performance.now() - fromMs);
      await eventually(async () => ((await health(house)).status === 200 ? true : undefined), 5_000);
      expect(acknowledged.length).toBeGreaterThan(before);
    }
    await eventually(async () => {
      const delivered = new Set(house.lines().map(({ id }) => id));
      return acknowledged.every((id) => delivered.has(id)) ? true : undefined;
    }, 10_000);
    expect(await house.kill("SIGTERM")).toBe(0);
    expect((await house.run("verify")).exit).toBe(0);
    figure(
      "P7",
      `failed syncs under a daemon (${durability}): acknowledged events lost`,
      `0 of ${acknowledged.length}`,
      "0",
    );
    figure(
      "P7",
      `the same: the longest until events were taken again`,
      `${Math.round(longestMs)} ms`,
      "10,000 ms",
    );
  },
);

test.skipIf(missing).concurrent(
  `os events that no sync takes are told, kept, and delivered when the disk is well again (P1, P7)${missing}`,
  async (context) => {
    const { house, injector } = await start("os", context);
    const id = await eventually(() => takenWhileSyncsFail(house, injector), 30_000);

    const sick = await eventually(async () => {
      const found = await health(house);
      return found.status === 503 ? found : undefined;
    }, 5_000);
    const status = await house.run("status");
    injector.end();

    expect(sick.body).toMatchObject({ spool: { unsynced: 1, code: "spool_failed" } });
    expect(status.stdout).toContain("1 ACKNOWLEDGED AS os AND NOT ON DISK");
    await eventually(() => house.lines().find((line) => line.id === id), 15_000);
    await eventually(async () => ((await health(house)).status === 200 ? true : undefined), 5_000);
    expect(await house.kill("SIGTERM")).toBe(0);
  },
  60_000,
);

async function start(
  durability: string,
  { onTestFinished }: TestContext,
): Promise<{ house: House; injector: Injector }> {
  const house = new House();
  onTestFinished(() => house.close());
  const injector = new Injector(join(house.path, "control"));
  onTestFinished(() => injector.close());
  house.configure(`
    [ingest]
    durability = "${durability}"

    [[sinks]]
    name = "log"
    type = "file"
  `);
  await house.start(injector.environment(library));
  expect(await post(house, randomUUID())).toMatchObject({ status: 202, durability });
  await synced(house);
  return { house, injector };
}

/** Where zeros were just being written ahead, their sync fails first, and the event is refused. */
async function takenWhileSyncsFail(house: House, injector: Injector): Promise<string | undefined> {
  injector.set({ path: `${house.dataDir}/spool/`, call: "sync", at: 1, mishap: { fail: "EIO" } });
  const id = randomUUID();
  if ((await post(house, id)).status === 202) return id;
  injector.end();
  await eventually(async () => ((await post(house, randomUUID())).status === 202 ? true : undefined), 15_000);
  await synced(house);
  return undefined;
}

async function synced(house: House): Promise<void> {
  await eventually(async () => ((await health(house)).body.spool.unsynced === 0 ? true : undefined), 5_000);
}

interface Posted {
  readonly status: number;
  readonly code?: string;
  readonly durability?: string;
  readonly retryAfter?: string | null;
}

async function post(house: House, id: string): Promise<Posted> {
  const response = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id, kind: "note.taken", data: { text: "x" } }),
  });
  const { code, durability } = (await response.json()) as { code?: string; durability?: string };
  return {
    status: response.status,
    ...(code !== undefined && { code }),
    ...(durability !== undefined && { durability }),
    retryAfter: response.headers.get("retry-after"),
  };
}

interface Health {
  readonly status: string;
  readonly reason?: string;
  readonly spool: { readonly unsynced: number; readonly code?: string };
  readonly sinks: readonly { readonly lag: number }[];
}

async function health(house: House): Promise<{ status: number; body: Health }> {
  const response = await fetch(`${house.url}/healthz?verbose`);
  return { status: response.status, body: (await response.json()) as Health };
}
