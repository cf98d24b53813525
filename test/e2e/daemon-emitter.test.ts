import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createDaemonEmitter } from "@sluice/sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startApplication, type Work } from "./application.ts";
import { eventually, House } from "./daemon.ts";

/** SLUICE_KILLS makes it longer. */
const RESTARTS = Number(process.env["SLUICE_KILLS"] ?? 4);

/** Several starts of a real daemon, each some seconds on a machine that is busy. */
vi.setConfig({ testTimeout: 120_000 });

let house: House;

beforeEach(() => {
  house = new House();
  house.configure(`
    [[sinks]]
    name = "file"
    type = "file"
    params = { path = "events.jsonl" }
  `);
});

afterEach(() => house.close());

test("an application that just ends delivers everything, and nothing keeps it from ending", async () => {
  await house.start();

  const application = startApplication({ ...work("end"), events: 2_000 });

  expect(await application.ended).toMatchObject({ code: 0 });
  expect(application.said).toEqual(["emitted"]);
  await expectArrived(2_000);
});

test.each(["exit", "throw"] as const)(
  'an application that ends by "%s" with everything unsent loses nothing (T71)',
  async (next) => {
    await house.start();

    await startApplication({ ...work(next), events: 2_000 }).ended;

    await expectArrived(2_000);
  },
);

test.each(["flush", "close"] as const)('after "%s" the daemon has everything (T71)', async (next) => {
  await house.start();

  const application = startApplication({ ...work(next), events: 2_000 });

  expect(await application.ended).toMatchObject({ code: 0 });
  expect(application.said).toEqual(["emitted", next === "flush" ? "flushed" : "closed"]);
  await expectArrived(2_000);
});

test("without a daemon an application ends at once, and the next daemon gets its events", async () => {
  const begunMs = performance.now();
  expect(await startApplication(work("end")).ended).toMatchObject({ code: 0 });
  expect(performance.now() - begunMs).toBeLessThan(2_000);

  await house.start();

  await expectArrived(100);
  await eventually(() => (spillFiles().length === 0 ? true : undefined), 5_000);
});

test("an emitter that is never closed and never used keeps nothing alive", async () => {
  expect(await startApplication({ ...work("end"), events: 0 }).ended).toMatchObject({ code: 0 });
  expect(spillFiles()).toEqual([]);
});

test.each(["crash", "kill"] as const)(
  'a daemon that is killed and started again costs no event, survive "%s" (T72)',
  async (survive) => {
    const drops: unknown[] = [];
    const emitter = createDaemonEmitter({
      ...{ dataDir: house.dataDir, survive },
      onDrop: (...drop) => drops.push(drop),
    });
    let emitted = 0;
    let isDone = false;
    const emitting = (async () => {
      for (; !isDone; await new Promise((resolve) => setImmediate(resolve))) {
        if (emitted < 200_000) emitter.emit({ id: `a-${emitted++}`, kind: "test.happened" });
      }
    })();

    for (let kill = 0; kill < RESTARTS; kill++) {
      await house.start();
      await house.kill();
    }
    await house.start();
    isDone = true;
    await emitting;
    await emitter.close();

    expect(drops).toEqual([]);
    await expectArrived(emitted);
    expect(spillFiles()).toEqual([]);
  },
  120_000,
);

test("what does not fit while the daemon is down is told exactly, and the rest arrives (T73)", async () => {
  let dropped = 0;
  const emitter = createDaemonEmitter({
    ...{ dataDir: house.dataDir, bufferBytes: 100_000 },
    onDrop(count, reason) {
      expect(reason).toBe("buffer_full");
      dropped += count;
    },
  });

  for (let index = 0; index < 5_000; index++) emitter.emit({ id: `a-${index}`, kind: "test.happened" });
  await house.start();
  await emitter.flush();
  await emitter.close();

  expect(dropped).toBeGreaterThan(1_000);
  await expectArrived(5_000 - dropped);
});

test("a daemon that listens on a socket too is reached there, also after kill -9 left the socket behind", async () => {
  house.configure(`
    [server]
    socket = true
  `);
  const path = join(house.dataDir, "sluice.sock");
  await house.start();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await house.kill();
  await house.start();

  for (const [index, url] of [undefined, `unix:${path}`].entries()) {
    const emitter = createDaemonEmitter({ dataDir: house.dataDir, ...(url !== undefined && { url }) });
    emitter.emit({ id: `a-${index}`, kind: "test.happened" });
    await emitter.close();
  }

  await expectArrived(2);
  await house.stop();
  expect(existsSync(path)).toBe(false);
});

test("a program that listens where a dead daemon did gets nothing", async () => {
  const url = new URL(await house.start());
  await house.kill();
  let received = "";
  const thief = createServer((socket) => {
    socket.on("data", (bytes) => {
      received += bytes;
      socket.end('HTTP/1.1 202 Accepted\r\ncontent-length: 14\r\n\r\n{"accepted":1}');
    });
  });
  await new Promise<void>((resolve) => thief.listen(Number(url.port), "127.0.0.1", resolve));
  const problem = Promise.withResolvers<string>();
  const emitter = createDaemonEmitter({ dataDir: house.dataDir, onProblem: problem.resolve });

  emitter.emit({ id: "a-0", kind: "test.happened", data: "secret" });
  expect(await problem.promise).toContain("another program answers there");
  await emitter.close();
  await new Promise((resolve) => thief.close(resolve));

  expect(received).not.toContain("secret");
  await house.start();
  await expectArrived(1);
});

test("what the daemon refuses of a left file is counted and kept, and its neighbours arrive", async () => {
  const emitter = createDaemonEmitter({ dataDir: house.dataDir });
  emitter.emit({ id: "a-0", kind: "test.happened" });
  emitter.emit({ id: "a-0", kind: "test.happened", data: "another of the same id" });
  emitter.emit({ id: "a-1", kind: "test.happened" });
  await emitter.close();

  await house.start();

  await expectArrived(2);
  expect(await eventually(() => spillFiles().find((name) => name.endsWith(".refused")), 5_000)).toBeDefined();
  const { token } = JSON.parse(readFileSync(join(house.dataDir, "daemon.json"), "utf8"));
  const metrics = await fetch(`${house.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  expect(await metrics.text()).toMatch(/^sluice_spill_refused_lines_total 1$/m);
});

function work(next: Work["next"]) {
  return { name: "a", options: { dataDir: house.dataDir }, events: 100, next } as const;
}

/** Exactly the events a-0 … each accepted once and in the file once or, after a kill, more often. */
async function expectArrived(events: number): Promise<void> {
  await eventually(async () => {
    const { balance } = await house.sink("file");
    return balance.pending === 0 && balance.delivered >= events ? true : undefined;
  }, 60_000);
  expect((await house.sink("file")).balance.accepted).toBe(events);
  expect(new Set(house.lines().map(({ id }) => id)).size).toBe(events);
}

function spillFiles(): readonly string[] {
  try {
    return readdirSync(join(house.dataDir, "spill"));
  } catch {
    // Nothing was ever spilled.
    return [];
  }
}
