import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  LANGFUSE_TEST_KEYS,
  type LangfuseServer,
  type LangfuseServerOptions,
  startLangfuseServer,
} from "../../packages/sluice/src/testing/index.ts";
import { commandLine, ENVIRONMENT, eventually, House, ROOT, runShell } from "./daemon.ts";

/** Each command is a process of its own. */
const PATIENCE_MS = 60_000;
const SEED = join(ROOT, "packages/sluice/src/sinks/langfuse/golden/fifth-seed.toml");
/** The connector that the seed's configuration is for. */
const CONNECTOR = "01985d00-...";

let house: House;
let langfuse: LangfuseServer | undefined;

beforeEach(() => {
  house = new House();
});

afterEach(async () => {
  await house.run("stop");
  await house.close();
  await langfuse?.close();
});

async function start(options: LangfuseServerOptions): Promise<LangfuseServer> {
  langfuse = await startLangfuseServer(options);
  return langfuse;
}

/** The seed's file, with a server and keys that exist, and what is added to its params. */
function seedConfiguration(host: string, more: string): string {
  return `${readFileSync(SEED, "utf8")
    .replace("https://langfuse.example.com", host)
    .replace("pk-lf-...", LANGFUSE_TEST_KEYS.public_key)
    .replace("sk-lf-...", LANGFUSE_TEST_KEYS.secret_key)}${more}`;
}

/** The seed's events of one message, on its bus. */
function messageOf(scrollId: string, connector = CONNECTOR): readonly object[] {
  const place = { scroll_id: scrollId, connector_uid: connector, native_session_id: "s-1" };
  const message = { ...place, message_id: `m-${scrollId}`, role: "assistant" };
  return [
    { type: "SessionCreated", timestamp: "2026-11-21T05:00:00Z", ...place, metadata: { editor: "vscode" } },
    { type: "MessageStarted", timestamp: "2026-11-21T05:00:01Z", ...message, model: "m-1", input: "Hi" },
    {
      type: "MessageCompleted",
      timestamp: "2026-11-21T05:00:02Z",
      ...message,
      output: "Hello!",
      usage: { input_tokens: 8, output_tokens: 3 },
    },
  ];
}

async function post(...events: readonly object[]): Promise<void> {
  const response = await fetch(`${house.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(202);
}

/** The message has ended at Langfuse, and nothing is on its way. */
async function settled(): Promise<void> {
  const hasEnded = () => langfuse?.observations.some(({ endTime }) => endTime !== undefined);
  await eventually(() => hasEnded() || undefined, 20_000);
  await eventually(
    async () => (await house.sink("langfuse-prod")).balance.pending === 0 || undefined,
    20_000,
  );
}

test.each([
  ["otlp, its default", { version: 4 }, ""],
  ["ingestion", { version: 3 }, 'mode = "ingestion"\n'],
] as const)(
  "the fifth seed's configuration file brings its bus events to Langfuse by %s",
  async (_, server, more) => {
    const { url, traces } = await start(server);
    house.configure(seedConfiguration(url, more));
    await house.start();

    await post(...messageOf("scroll-1"), ...messageOf("scroll-2", "another connector"));
    await settled();

    expect(langfuse?.observations).toMatchObject([
      {
        type: "GENERATION",
        name: "m-1",
        model: "m-1",
        input: "Hi",
        output: "Hello!",
        usageDetails: { input: 8, output: 3, total: 11 },
        startTime: "2026-11-21T05:00:01.000Z",
        endTime: "2026-11-21T05:00:02.000Z",
      },
    ]);
    expect(traces.size).toBe(1);
    expect(house.log).not.toContain(LANGFUSE_TEST_KEYS.secret_key);
  },
  PATIENCE_MS,
);

test(
  "the wrong mode for a server pauses the sink, sinks test says which it needs, and a reload delivers it all",
  async () => {
    const { url } = await start({ version: 4 });
    house.configure(seedConfiguration(url, 'mode = "ingestion"\n'));
    await house.start();
    await post(...messageOf("scroll-1"));
    await eventually(
      async () => ((await house.sink("langfuse-prod")).state === "paused" ? true : undefined),
      20_000,
    );
    const tried = await house.run("sinks", "test", "langfuse-prod");
    expect(tried).toMatchObject({ exit: 4, stdout: expect.stringContaining('needs mode = "otlp"') });
    expect((await house.sink("langfuse-prod")).balance).toMatchObject({ delivered: 0, deadLettered: 0 });

    house.configure(seedConfiguration(url, 'mode = "otlp"\n'));
    await house.run("reload", "--config", house.config);
    await settled();

    expect((await house.sink("langfuse-prod")).balance).toMatchObject({ delivered: 1, deadLettered: 0 });
    expect(langfuse?.observations).toHaveLength(1);
    expect(await house.run("sinks", "test", "langfuse-prod")).toMatchObject({ exit: 0 });
  },
  PATIENCE_MS,
);

test.each([
  ["otlp", { version: 4 }],
  ["ingestion", { version: 3 }],
] as const)(
  "killed with -9 between the request and its answer, %s writes the same ids and start times again",
  async (mode, server) => {
    const { url, choose } = await start(server);
    house.configure(seedConfiguration(url, `mode = "${mode}"\n`));
    await house.start();
    choose(() => "loseAnswer");
    await post(...messageOf("scroll-1"));
    await eventually(() => langfuse?.observations.some(({ endTime }) => endTime) || undefined, 20_000);
    const before = JSON.stringify([langfuse?.observations, [...(langfuse?.traces ?? [])]]);
    await house.kill("SIGKILL");

    choose(() => "pass");
    await house.start();
    await settled();

    expect(JSON.stringify([langfuse?.observations, [...(langfuse?.traces ?? [])]])).toBe(before);
    expect((await house.sink("langfuse-prod")).balance.delivered).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);

test(
  "dispatcher --service langfuse takes the variables of Langfuse's own SDKs",
  async () => {
    const { url } = await start({});
    const words = commandLine([
      ...["dispatcher", "--service", "langfuse", "--detach", "--listen", "127.0.0.1:0"],
      ...["--data-dir", house.dataDir],
    ]);

    const started = await runShell(words.join(" "), {
      ...ENVIRONMENT,
      PATH: ENVIRONMENT.PATH ?? "",
      LANGFUSE_PUBLIC_KEY: LANGFUSE_TEST_KEYS.public_key,
      LANGFUSE_SECRET_KEY: LANGFUSE_TEST_KEYS.secret_key,
      LANGFUSE_BASE_URL: url,
    });

    expect(started).toMatchObject({ exit: 0 });
    expect(await house.run("sinks", "test", "langfuse")).toMatchObject({ exit: 0 });
    expect(langfuse?.requests.length).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);
