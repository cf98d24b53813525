import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { commandLine, ENVIRONMENT, eventually, House } from "../../e2e/daemon.ts";
import { figure } from "../figures.ts";
import { scaled } from "../scale.ts";
import { drained, sinksNow } from "../storage/daemon-status.ts";
import { missingTools } from "../tools.ts";
import { proveBooks } from "./books.ts";
import { isRunning } from "./processes.ts";
import { SteadySender } from "./steady-sender.ts";
import { openStuckBackend } from "./stuck-backend.ts";

/**
 * What a shell, a terminal or an impatient person does to a daemon beside asking it once to end. What the
 * command line says of it with stages that stand in, and a disk that hangs, have tests of their own.
 */
const SECOND_SIGNALS = scaled({ test: 1, chaos: 20, soak: 200 });
const missing = missingTools("linux", "script");

let house: House;
const open: { close(): Promise<unknown> }[] = [];
beforeEach(() => {
  house = new House();
  open.push(house);
});
afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource.close();
});

test(
  "a second signal ends a daemon under load at once, and nothing that it acknowledged is lost (P10, T25)",
  async () => {
    const backend = await openStuckBackend("reads nothing");
    open.push(backend);
    configure(backend.url);
    const tookMs: number[] = [];
    const acknowledged: string[] = [];
    for (let round = 0; round < SECOND_SIGNALS; round++) {
      const [signal, exit] = round % 2 === 0 ? (["SIGTERM", 143] as const) : (["SIGINT", 130] as const);
      await house.start();
      const sender = new SteadySender(1_000);
      sender.start(house.url);
      await eventually(() => (sender.acknowledged.length >= 50 ? true : undefined), 10_000);
      const ended = house.kill("SIGTERM");
      await eventually(() => sender.sent.find(({ status }) => status === 503), 5_000);

      const signalledMs = performance.now();
      await house.kill(signal);

      tookMs.push(performance.now() - signalledMs);
      expect(await ended).toBe(exit);
      await sender.stop();
      acknowledged.push(...sender.acknowledged);
    }
    backend.free();
    await house.start();
    await drained(house);

    const atFile = new Set(house.lines().map(({ runId }) => runId));
    expect(acknowledged.filter((id) => !atFile.has(id) || !backend.taken.has(id))).toEqual([]);
    expect(await house.kill("SIGTERM")).toBe(0);
    await proveBooks(house.dataDir);
    const slowest = Math.round(Math.max(...tookMs));
    expect(slowest).toBeLessThanOrEqual(scaled({ test: 5_000, chaos: 1_000, soak: 1_000 }));
    figure(
      "P10",
      `${SECOND_SIGNALS} second signals under load, until the process was gone (slowest)`,
      `${slowest} ms`,
      "≤ 200 ms",
    );
    figure("P10", `  of ${acknowledged.length} acknowledged events, lost`, 0, "0");
  },
  scaled({ test: 60_000, chaos: 120_000, soak: 1_200_000 }),
);

test("a daemon whose readers have left goes on, drains, and ends with exit 0 (P10, T25)", async () => {
  configure(NOBODY);
  await house.start();
  house.leave();

  process.kill(house.pid, "SIGHUP");
  await eventually(() => (ownLog().includes("configuration reloaded") ? true : undefined), 10_000);
  const ids = [await post(), await post()];
  await eventually(() => (ids.every(isAtFile) ? true : undefined), 10_000);

  // It has to say that two events stay for the other sink, and to nobody.
  expect(await house.kill("SIGTERM")).toBe(0);
  expect(ownLog()).toContain('"pending":[{"sink":"backend","events":2}]');
  figure(
    "P10",
    "readers of stdout and stderr that leave: daemons that ended of it, or otherwise than with 0",
    0,
    "0",
  );
});

test.skipIf(missing)(
  `a detached daemon outlives its terminal, the directory it was started in and any SIGHUP (P10, T25)${missing}`,
  async () => {
    configure(NOBODY);
    const place = join(house.path, "place");
    mkdirSync(place);
    const terminal = inTerminal(place, "--detach");
    await once(terminal, "exit");
    rmSync(place, { recursive: true });
    const { pid } = discovery();
    open.push({ close: async () => void (isRunning(pid) && process.kill(pid, "SIGKILL")) });

    for (let reloads = 1; reloads <= 3; reloads++) {
      process.kill(pid, "SIGHUP");
      await eventually(
        () => (ownLog().split("configuration reloaded").length > reloads ? true : undefined),
        10_000,
      );
    }
    const id = await post();
    await eventually(() => (isAtFile(id) ? true : undefined), 10_000);

    expect(terminal.exitCode).toBe(0);
    expect((await house.stop()).exit).toBe(0);
    await proveBooks(house.dataDir);
    figure("P10", "terminal closed, directory deleted, 3 SIGHUPs: detached daemons that ended of it", 0, "0");
  },
);

test.skipIf(missing)(
  `a daemon in a terminal that is closed drains and loses nothing (P10, T25)${missing}`,
  async () => {
    configure(NOBODY);
    const terminal = inTerminal(house.path);
    const { pid } = await eventually(() => (existsSync(discoveryFile()) ? discovery() : undefined), 20_000);
    open.push({ close: async () => void (isRunning(pid) && process.kill(pid, "SIGKILL")) });
    const ids = [await post(), await post()];

    terminal.kill("SIGKILL");
    await eventually(() => (isRunning(pid) ? undefined : true), 12_000);

    expect(ownLog()).toContain('"reason":"SIGHUP"');
    expect(ownLog()).toContain('"isClean":true');
    await house.start();
    await eventually(() => (ids.every(isAtFile) ? true : undefined), 10_000);
    expect((await sinksNow(house)).map(({ balance }) => balance.accepted)).toEqual([2, 2]);
    expect(await house.kill("SIGTERM")).toBe(0);
    await proveBooks(house.dataDir);
  },
);

/** Nobody listens there: a route that waits does not hold up a shutdown. */
const NOBODY = "http://127.0.0.1:9";

function configure(backendUrl: string): void {
  house.configure(`
    [[sinks]]
    name = "file"
    type = "file"

    [[sinks]]
    name = "backend"
    type = "lunary"
    params = { api_key = "k", endpoint = "${backendUrl}", requests_per_second = 1000 }
  `);
}

/** `sluice start` in a terminal of its own, which closes when the returned process ends. */
function inTerminal(directory: string, ...flags: readonly string[]): ChildProcess {
  const { config, dataDir } = house;
  const words = ["start", "--config", config, "--data-dir", dataDir, "--listen", "127.0.0.1:0", ...flags];
  const line = commandLine(words).join(" ");
  const terminal = spawn("script", ["-qec", `exec ${line}`, "/dev/null"], {
    cwd: directory,
    env: ENVIRONMENT,
    stdio: ["ignore", "ignore", "inherit"],
  });
  open.push({ close: async () => void terminal.kill("SIGKILL") });
  return terminal;
}

const discoveryFile = () => join(house.dataDir, "daemon.json");

function discovery(): { readonly url: string; readonly pid: number } {
  return JSON.parse(readFileSync(discoveryFile(), "utf8"));
}

/** What the daemon has written down, whoever reads its output. */
function ownLog(): string {
  return readFileSync(join(house.dataDir, "sluice.log"), "utf8");
}

/** Sends a complete run, and resolves to its id when it is acknowledged. */
async function post(): Promise<string> {
  const runId = randomUUID();
  const run = { type: "llm", startTime: "2026-01-01T00:00:00.000Z", status: "ok" };
  const { status } = await fetch(`${discovery().url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ kind: "run.ended", runId, time: "2026-01-01T00:00:01.000Z", run }),
  });
  expect(status).toBe(202);
  return runId;
}

function isAtFile(id: string): boolean {
  return house.lines().some(({ runId }) => runId === id);
}
