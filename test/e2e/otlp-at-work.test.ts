import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { spanIdOf } from "@sluice/sdk/internal";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createOtlp,
  type OtlpServer,
  type OtlpServerOptions,
  startOtlpServer,
} from "../../packages/sluice/src/testing/index.ts";
import { eventually, House } from "./daemon.ts";

/** Each command is a process of its own. */
const PATIENCE_MS = 60_000;

let house: House;
let servers: OtlpServer[];

beforeEach(() => {
  house = new House();
  servers = [];
});

afterEach(async () => {
  await house.close();
  for (const server of servers) await server.close();
});

async function startServer(options: OtlpServerOptions = {}): Promise<OtlpServer> {
  const server = await startOtlpServer(options);
  servers.push(server);
  return server;
}

async function startHouse(endpoint: string): Promise<void> {
  house.configure(`[[sinks]]\nname = "traces"\ntype = "otlp"\nparams = { endpoint = "${endpoint}" }\n`);
  await house.start();
}

async function send(url: string, count: number, oddOne: object = {}): Promise<void> {
  const run = { type: "llm", startTime: "2026-11-21T05:00:00Z", status: "ok" };
  const time = "2026-11-21T05:00:01Z";
  const events = Array.from({ length: count }, (_, index) => ({
    kind: "run.ended",
    time,
    runId: `run-${index}`,
    run,
    ...(index === 7 && oddOne),
  }));
  const answer = await fetch(`${url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  expect(answer.status).toBe(202);
}

async function balanceWhenSettled(count: number) {
  return eventually(async () => {
    const { balance } = await house.sink("traces");
    return balance.accepted >= count && balance.pending === 0 ? balance : undefined;
  }, 20_000);
}

const spanIds = (server: OtlpServer) => new Set(server.spans.map(({ spanId }) => spanId));

test(
  "413 splits a batch until it fits, and nothing is lost",
  async () => {
    const server = await startServer({ bodyBytesMax: 2_000 });
    await startHouse(server.url);

    await send(house.url, 64);

    expect(await balanceWhenSettled(64)).toMatchObject({ delivered: 64, deadLettered: 0 });
    expect(spanIds(server).size).toBe(64);
  },
  PATIENCE_MS,
);

test(
  "400 is bisected: one event that the server cannot read is a dead letter, and its neighbours arrive",
  async () => {
    const server = await startServer();
    server.choose(({ body }) => (body.includes("poison") ? { status: 400, body: "bad span" } : "pass"));
    await startHouse(server.url);

    await send(house.url, 64, { tags: ["poison"] });

    expect(await balanceWhenSettled(64)).toMatchObject({ delivered: 63, deadLettered: 1 });
    expect(spanIds(server).size).toBe(63);
    expect(spanIds(server).has(spanIdOf("run-7"))).toBe(false);
  },
  PATIENCE_MS,
);

test(
  "a partial success is never sent again: its count is dead-lettered, the rest is delivered",
  async () => {
    const server = await startServer();
    server.rejectSpans(({ spanId }) => (spanId === spanIdOf("run-7") ? "too old" : undefined));
    await startHouse(server.url);

    await send(house.url, 64);

    expect(await balanceWhenSettled(64)).toMatchObject({ delivered: 63, deadLettered: 1 });
    expect(server.spans).toHaveLength(63);
    expect((await house.run("deadletters", "list", "traces")).stdout).toContain("too old");
  },
  PATIENCE_MS,
);

test(
  "kill -9 between POST and answer: after the restart the same spans are sent, ids and times and all",
  async () => {
    const server = await startServer();
    const unanswered = createOtlp();
    server.script((request) => {
      unanswered.answer(request);
      return new Promise(() => undefined);
    });
    await startHouse(server.url);
    await send(house.url, 8);
    await server.received(1);

    await house.kill("SIGKILL");
    await house.start();

    expect(await balanceWhenSettled(8)).toMatchObject({ delivered: 8, deadLettered: 0 });
    expect(unanswered.spans.length).toBeGreaterThan(0);
    expect(server.spans).toEqual(expect.arrayContaining([...unanswered.spans]));
    expect(spanIds(server).size).toBe(8);
  },
  PATIENCE_MS,
);

test(
  "dispatcher --service otlp posts spans with the key in its header",
  async () => {
    const server = await startServer({ key: { header: "authorization", value: "Bearer otlp-test-key" } });
    const keyFile = join(house.path, "key");
    writeFileSync(keyFile, "otlp-test-key\n");
    const flags = ["--endpoint", server.url, "--api-key-file", keyFile, "--listen", "127.0.0.1:0"];

    const started = await house.run("dispatcher", "--service", "otlp", ...flags, "--detach", "--json");
    try {
      await send(JSON.parse(started.stdout).url, 3);
      await eventually(() => (server.spans.length === 3 ? true : undefined), 10_000);
    } finally {
      await house.run("stop");
    }

    expect(spanIds(server)).toEqual(new Set(["run-0", "run-1", "run-2"].map(spanIdOf)));
  },
  PATIENCE_MS,
);
