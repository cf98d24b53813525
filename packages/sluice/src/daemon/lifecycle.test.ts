import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, seededRandom, systemDisk } from "@sluice/sdk/internal";
import { afterEach, expect, test } from "vitest";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { createLogger } from "../telemetry/logger.ts";
import { connectDaemon, statusOf } from "./client.ts";
import { findDiscovery, writeDiscovery } from "./discovery.ts";
import { type Daemon, openDaemon } from "./lifecycle.ts";
import { createStandIn, type StandIn } from "./stand-in.test-support.ts";

const daemons: { daemon: Daemon; clock: ManualClock }[] = [];
const directories: string[] = [];

afterEach(async () => {
  for (const { daemon, clock } of daemons.splice(0)) {
    const stopped = daemon.stop("test over");
    await clock.advance(20_000);
    await stopped;
  }
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

test("a ready daemon is found through daemon.json, which only its owner can read (S23)", async () => {
  const { dataDir, daemon } = await start();

  const client = await connectDaemon(systemDisk, dataDir);
  const status = await statusOf(client);

  expect(statSync(join(dataDir, "daemon.json")).mode & 0o777).toBe(0o600);
  expect(status).toMatchObject({
    state: "ready",
    pid: 4711,
    url: daemon.url,
    version: "9.9.9",
    bootId: "boot-1",
    dataDir,
  });
  expect(status.sinks).toMatchObject([
    { name: "file", type: "file", state: "healthy", balance: { accepted: 0 } },
  ]);
  expect(JSON.stringify(status)).not.toContain(client.discovery.token);
});

test("a daemon.json of a process that is gone is nobody's, whoever has its port (S40)", async () => {
  const { daemon, clock } = await start();
  const stale = temporaryDirectory();
  await writeDiscovery(systemDisk, stale, { ...DISCOVERY, url: daemon.url, nonce: "another" });
  await expect(connectDaemon(systemDisk, stale)).rejects.toMatchObject({ code: "NOT_RUNNING", exit: 3 });

  const { url } = daemon;
  await Promise.all([daemon.stop("test"), clock.advance(0)]);
  const gone = temporaryDirectory();
  await writeDiscovery(systemDisk, gone, { ...DISCOVERY, url });

  await expect(connectDaemon(systemDisk, gone)).rejects.toMatchObject({ code: "NOT_RUNNING" });
  await expect(connectDaemon(systemDisk, temporaryDirectory())).rejects.toMatchObject({
    code: "NOT_RUNNING",
  });
});

test("a daemon.json that cannot be read, as by another user, is said so in a sentence (exit 77)", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-discovery-"));
  // Reading a directory fails for every user, root as well.
  mkdirSync(join(dataDir, "daemon.json"));

  await expect(findDiscovery(systemDisk, dataDir)).rejects.toMatchObject({
    code: "DATA_DIR_UNREADABLE",
    exit: 77,
  });
  rmSync(dataDir, { recursive: true });
});

test("events come in at /v1/events, calls at /openai/, both counted", async () => {
  const { daemon, standIn } = await start();

  const accepted = await fetch(`${daemon.url}/v1/events`, {
    method: "POST",
    body: '{"id":"1","kind":"run.ended","runId":"r"}\n',
  });
  await fetch(`${daemon.url}/openai/v1/models?x=1`);
  const metrics = await (await fetch(`${daemon.url}/metrics`)).text();

  expect(accepted.status).toBe(202);
  expect(standIn.proxied).toMatchObject([{ provider: "openai", rest: "/v1/models?x=1" }]);
  expect(metrics).toContain('sluice_events_received_total{source="ingest"} 1\n');
  expect(metrics).toContain('sluice_delivery_attempts_total{sink="file",outcome="delivered"} 1\n');
});

test("a spool that refuses turns readiness off, a failing sink does not", async () => {
  const { daemon, standIn } = await start();
  standIn.pending = 1_000;
  expect((await fetch(`${daemon.url}/readyz`)).status).toBe(200);

  standIn.refusing = "sink lunary holds it";
  const ready = await fetch(`${daemon.url}/readyz`);
  const verbose = await fetch(`${daemon.url}/healthz?verbose`);

  expect(ready.status).toBe(503);
  expect(await verbose.json()).toMatchObject({
    status: "not ready",
    reason: expect.stringContaining("lunary"),
    sinks: [{ sink: "file", state: "running" }],
  });
  expect((await fetch(`${daemon.url}/livez`)).status).toBe(200);
});

test("stop drains: new work gets 503, what is left is named, daemon.json goes (P10)", async () => {
  const { daemon, standIn, clock, dataDir } = await start();
  const draining = Promise.withResolvers<void>();
  standIn.drain = () => draining.promise;
  standIn.pending = 7;

  const stopped = daemon.stop("test");
  const refused = await fetch(`${daemon.url}/v1/events`, { method: "POST", body: "{}" });
  const ready = await fetch(`${daemon.url}/readyz`);
  draining.resolve();
  await clock.advance(0);

  expect(refused.status).toBe(503);
  expect(refused.headers.get("connection")).toBe("close");
  expect(ready.status).toBe(503);
  expect(await stopped).toEqual({ reason: "test", pending: [{ sink: "file", events: 7 }], isClean: true });
  expect(await findDiscovery(systemDisk, dataDir)).toBeUndefined();
  expect(standIn.closed).toEqual(["proxy", "pipeline"]);
});

test("a sink that never answers holds the shutdown for the grace, no longer (P10)", async () => {
  const { daemon, standIn, clock } = await start();
  standIn.drain = () => new Promise(() => {});
  const startMs = clock.monotonicMs();
  const stopped = daemon.stop("test");

  while (!standIn.closed.includes("pipeline") && clock.monotonicMs() - startMs < 60_000)
    await clock.advance(250);

  // What is left is closing, which has a second of its own.
  expect(clock.monotonicMs() - startMs).toBeLessThanOrEqual(11_000);
  expect(await stopped).toMatchObject({ isClean: true });
});

test("a call in flight may end while the daemon drains", async () => {
  const { daemon, standIn, clock } = await start();
  const called = Promise.withResolvers<ServerResponse>();
  standIn.onProxied = (response) => called.resolve(response);
  const call = fetch(`${daemon.url}/openai/v1/chat/completions`, { method: "POST", body: "{}" });
  const response = await called.promise;

  const stopped = daemon.stop("test");
  await clock.advance(1_000);
  response.end("done");

  expect(await (await call).text()).toBe("done");
  await clock.advance(0);
  expect(await stopped).toMatchObject({ isClean: true });
});

test("a call that does not end is cut when its share of the grace is over", async () => {
  const { daemon, standIn, clock } = await start();
  const called = Promise.withResolvers<void>();
  standIn.onProxied = () => called.resolve();
  const call = fetch(`${daemon.url}/openai/v1/x`).catch(() => "cut");
  await called.promise;

  const stopped = daemon.stop("test");
  await clock.advance(8_000);

  expect(await stopped).toMatchObject({ isClean: true });
  expect(await call).toBe("cut");
});

test("POST /v1/stop needs the token and ends it", async () => {
  const { daemon, dataDir, clock } = await start();
  expect((await fetch(`${daemon.url}/v1/stop`, { method: "POST" })).status).toBe(401);

  const client = await connectDaemon(systemDisk, dataDir);
  const answer = await client.request("POST", "/v1/stop");
  await clock.advance(0);

  expect(answer.status).toBe(202);
  expect(await daemon.stopped).toMatchObject({ reason: "asked over the API" });
});

test("off loopback without a token nothing is opened (S03, exit 78)", async () => {
  const standIn = createStandIn();
  const config = await configOf(temporaryDirectory(), "0.0.0.0:0");

  await expect(open(config, standIn)).rejects.toMatchObject({ code: "LISTEN_TOKEN_NEEDED", exit: 78 });
  expect(standIn.options).toBeUndefined();
});

test("off loopback with a token the machine's own addresses are names of the server", async () => {
  const { daemon } = await start("0.0.0.0:0", { SLUICE_TOKEN: "a-token-of-sixteen-characters" });
  const { port } = new URL(daemon.url);

  const without = await fetch(`http://127.0.0.1:${port}/metrics`);
  const withToken = await fetch(`http://127.0.0.1:${port}/metrics`, {
    headers: { "x-sluice-token": "a-token-of-sixteen-characters" },
  });

  expect([without.status, withToken.status]).toEqual([401, 200]);
});

test("off loopback the command line still finds its daemon, and gives nobody else more", async () => {
  const { daemon, dataDir } = await start("0.0.0.0:0", { SLUICE_TOKEN: "a-token-of-sixteen-characters" });

  const client = await connectDaemon(systemDisk, dataDir);
  const plain = await fetch(`${daemon.url}/livez`);
  const challenged = await fetch(`${daemon.url}/metrics`, { headers: { "x-sluice-challenge": "x" } });

  expect((await statusOf(client)).state).toBe("ready");
  expect([plain.status, challenged.status]).toEqual([401, 401]);
});

test("a port that is taken closes the pipeline again", async () => {
  const { daemon } = await start();
  const standIn = createStandIn();
  const config = await configOf(temporaryDirectory(), new URL(daemon.url).host);

  await expect(open(config, standIn)).rejects.toMatchObject({ code: "LISTEN_FAILED" });
  expect(standIn.closed).toEqual(["proxy", "pipeline"]);
});

test("a demo's provider can only be a server on this machine", async () => {
  const { daemon, dataDir, standIn } = await start();
  const client = await connectDaemon(systemDisk, dataDir);
  const name = (base_url: string) =>
    client.request("POST", "/v1/demo", { body: JSON.stringify({ base_url }), takesAll: true });

  expect((await fetch(`${daemon.url}/demo/openai/v1/models`)).status).toBe(404);
  for (const url of ["http://example.com/v1", "https://127.0.0.1/v1", "file:///etc/passwd", "x"]) {
    expect((await name(url)).status, url).toBe(400);
  }
  expect((await name("http://127.0.0.1:1/v1")).status).toBe(200);
  await fetch(`${daemon.url}/demo/openai/v1/models`);
  expect(standIn.proxied).toMatchObject([{ provider: "openai", rest: "/v1/models" }]);
});

test("what a sink's last error repeats of a key is masked in status and health", async () => {
  const { daemon, dataDir, standIn } = await start("127.0.0.1:0", {
    SLUICE_TOKEN: "a-token-of-sixteen-characters",
  });
  standIn.lastError = "401: bad key a-token-of-sixteen-characters";

  const status = await statusOf(await connectDaemon(systemDisk, dataDir));

  const verbose = await (await fetch(`${daemon.url}/healthz?verbose`)).text();

  expect(status.sinks[0]?.lastError).toBe("401: bad key [secret]");
  expect(JSON.parse(verbose)).toMatchObject({ sinks: [{ cause: "401: bad key [secret]" }] });
});

test("a reload takes up the sinks, and says what holds from the next start on", async () => {
  const { dataDir } = await start();
  const client = await connectDaemon(systemDisk, dataDir);

  const reloaded = await (await client.request("POST", "/v1/reload")).text();
  const refused = await client.request("DELETE", "/v1/sinks/file%2", { takesAll: true });

  expect(JSON.parse(reloaded)).toEqual({
    sinks: [{ sink: "file", change: "changed" }],
    needRestart: ["server.listen"],
  });
  expect([refused.status, JSON.parse(await refused.text()).code]).toEqual([422, "sink_configured"]);
});

test("of two reloads the configuration that was read last is taken up, however long the first took to read", async () => {
  const dataDir = temporaryDirectory();
  const config = await configOf(dataDir, "127.0.0.1:0");
  const first = Promise.withResolvers<Config>();
  const reads = [first.promise, Promise.resolve({ ...config, origins: ["second"] })];
  const clock = new ManualClock();
  const daemon = await open(config, createStandIn(), clock, () => reads.shift() ?? Promise.reject());
  daemons.push({ daemon, clock });

  const reloads = [daemon.reload(), daemon.reload()];
  await new Promise(setImmediate);
  first.resolve({ ...config, origins: ["first"] });
  await Promise.all(reloads);

  expect(daemon.status().configuration).toEqual(["second"]);
});

const DISCOVERY = {
  url: "http://127.0.0.1:1",
  pid: 1,
  nonce: "n",
  token: "t",
  version: "1",
  bootId: "b",
  startedAt: "2026-01-01T00:00:00Z",
};

async function start(listen = "127.0.0.1:0", env: Record<string, string> = {}) {
  const dataDir = temporaryDirectory();
  const standIn = createStandIn();
  const clock = new ManualClock();
  const daemon = await open(await configOf(dataDir, listen, env), standIn, clock);
  daemons.push({ daemon, clock });
  return { dataDir, standIn, clock, daemon };
}

function open(
  config: Config,
  standIn: StandIn,
  clock = new ManualClock(),
  readConfig = () => configOf(config.dataDir, "127.0.0.1:1"),
): Promise<Daemon> {
  return openDaemon({
    config,
    readConfig,
    parts: standIn.parts,
    logger: createLogger({
      level: "silent",
      destination: { write: () => {} },
      secrets: config.secrets,
      clock,
    }),
    clock,
    disk: systemDisk,
    random: seededRandom(Number(process.pid) + directories.length),
    version: "9.9.9",
    pid: 4711,
  });
}

function configOf(dataDir: string, listen: string, env: Record<string, string> = {}): Promise<Config> {
  const absent = Object.assign(new Error("ENOENT"), { code: "ENOENT" });
  return loadConfig({
    cwd: dataDir,
    env,
    flags: { dataDir, listen },
    definitions: createStandIn().parts.definitions,
    readText: () => Promise.reject(absent),
  });
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sluice-daemon-"));
  directories.push(directory);
  return directory;
}
