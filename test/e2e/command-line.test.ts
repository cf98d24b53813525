import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  LUNARY_TEST_KEY,
  type LunaryServer,
  startLunaryServer,
} from "../../packages/sluice/src/testing/lunary-server.ts";
import { balanceHolds, type CommandResult, ROOT, runShell } from "./daemon.ts";

/**
 * The command line as a person meets it: the built program, started through npx at the root of a clone, with
 * the very lines that the README prints.
 */
/** Four requests for Lunary, which takes two a second: most of them are pending when `stop` comes. */
const RUNS = 500;

let directory: string;
let environment: Readonly<Record<string, string>>;
let lunary: LunaryServer;

beforeAll(async () => {
  // A clone is built by `npm ci`; the sources may have changed since.
  const built = await runShell("npx tsc -b", {});
  expect(built, built.stdout).toMatchObject({ exit: 0 });
  directory = mkdtempSync(join(tmpdir(), "sluice-cli-"));
  environment = {
    // As npm's scripts and npx have it: our Node and our commands first.
    PATH: `${join(ROOT, "node_modules/.bin")}:${process.env["PATH"]}`,
    HOME: directory,
    SLUICE_DATA_DIR: join(directory, "data"),
    SLUICE_LISTEN: "127.0.0.1:0",
    LUNARY_API_KEY: LUNARY_TEST_KEY,
    LLM_PROXY_API_KEY: LUNARY_TEST_KEY,
  };
  lunary = await startLunaryServer();
});

afterAll(async () => {
  // Nothing runs any more, unless a test has failed half-way.
  for (const name of ["data", "data-key", "data-demo"])
    if (existsSync(join(directory, name, "daemon.json")))
      await shell(`sluice stop --data-dir ${join(directory, name)}`);
  await lunary.close();
  rmSync(directory, { recursive: true, force: true });
});

test("the first seed's command line and events run as the README prints them, and stop drains what is pending", async () => {
  const [dispatcher = "", events = ""] = blocksBelow("Lunary Dispatcher");
  const line = dispatcher.replace("https://api.lunary.ai/v1/runs/ingest", lunary.endpoint);
  expect(line).toContain("npx llm-proxy dispatcher");
  expect(line).toContain("--detach");

  const started = await shell(line);
  const url = started.stdout.trim();
  const status = JSON.parse((await shell("sluice status --json")).stdout);
  const runIds = Array.from({ length: RUNS }, (_, index) => runId(index));
  const posted = await fetch(`${url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(runIds.flatMap((id) => [startOf(id), endOf(id)])),
  });
  const sent = await shell(events.replace("http://127.0.0.1:4747", url));
  const stopped = await shell("sluice stop");

  expect(started, started.stderr).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^http:\S+\n$/) });
  expect(status).toMatchObject({ url, pid: expect.any(Number), version: expect.any(String) });
  expect(status.sinks).toMatchObject([{ name: "lunary", state: "healthy", balance: { pending: 0 } }]);
  expect(posted.status).toBe(202);
  expect(stopped, stopped.stderr).toMatchObject({ exit: 0, stderr: expect.stringContaining("has ended") });
  expect(existsSync(join(directory, "data", "daemon.json"))).toBe(false);
  expect(runIds.map((id) => lunary.runs.get(id)?.status)).toEqual(runIds.map(() => "success"));
  expect(JSON.parse(sent.stdout)).toMatchObject({ items: [{ status: "accepted" }, { status: "accepted" }] });
  expect(lunary.runs.get("3c1f1c66-0f6b-4a52-9a0f-9a1f6f1f4c02")).toMatchObject({
    name: "gpt-4o",
    status: "success",
    startedAt: "2026-01-27T14:30:25.000Z",
    params: { temperature: 0.7 },
    userId: "user-1",
    userProps: { plan: "pro" },
    metadata: { feature: "support" },
    tags: ["prod"],
    output: { role: "assistant", content: "Hi!" },
    promptTokens: 8,
    completionTokens: 3,
  });
  expect(lunary.lost).toEqual([]);
  const [verified] = JSON.parse((await shell("sluice verify --json")).stdout).sinks.filter(
    (sink: { name: string }) => sink.name === "lunary",
  );
  expect(verified.balance).toMatchObject({ accepted: 3 * (RUNS + 1), pending: 0 });
  expect(balanceHolds(verified.balance)).toBe(true);
});

test.runIf(existsSync("/proc/self/cmdline"))("the key stands nowhere in the detached process", async () => {
  const flags = "--api-key $LUNARY_API_KEY --data-dir $SLUICE_DATA_DIR-key --detach --json";
  const started = await shell(`llm-proxy dispatcher --service lunary ${flags}`);
  const { pid } = JSON.parse(started.stdout);

  const shown = [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`].map((file) => readFileSync(file, "utf8"));
  await shell("sluice stop --data-dir $SLUICE_DATA_DIR-key");

  expect(shown[0]).toContain("run-detached");
  expect(shown.join("\n")).not.toContain(LUNARY_TEST_KEY);
});

test("demo shows what arrived, and says how to start a daemon; send passes bytes as they are", async () => {
  const without = await shell("sluice demo");
  await shell("sluice start --detach --data-dir $SLUICE_DATA_DIR-demo");
  const demo = await shell("sluice demo --data-dir $SLUICE_DATA_DIR-demo");
  const lines = String.raw`{"kind":"a.b","data":"\377"}\n{"kind":"a.b","data":"\303\244"}\n`;
  const sent = await shell(`printf '${lines}' | sluice send --data-dir $SLUICE_DATA_DIR-demo`);
  await shell("sluice stop --data-dir $SLUICE_DATA_DIR-demo");

  expect(without).toMatchObject({ exit: 3, stderr: expect.stringContaining("sluice start") });
  expect(demo, demo.stderr).toMatchObject({ exit: 0 });
  expect(demo.stdout).toContain("→ the same, streamed: A spool keeps what a network loses.");
  expect(demo.stdout.match(/run\.ended/g)).toHaveLength(5);
  expect(demo.stdout).toContain("file (file): 11 events delivered");
  expect(sent).toMatchObject({ exit: 4, stderr: expect.stringMatching(/^line 1: The event is not UTF-8/) });
});

test("started by its path on an old Node, the launcher says so in one line (exit 78)", async () => {
  const older = join(directory, "older.cjs");
  writeFileSync(
    older,
    'Object.defineProperty(process, "versions", { value: { node: "20.1.0" } });\n' +
      'Object.defineProperty(process, "version", { value: "v20.1.0" });\n',
  );

  const result = await shell(`${process.execPath} --require ${older} packages/sluice/bin/sluice.cjs status`);

  expect(result).toMatchObject({ exit: 78, stdout: "", stderr: expect.stringMatching(/^.*v20\.1\.0.*\n$/) });
});

/** The README's shell blocks below a heading. */
function blocksBelow(heading: string): readonly string[] {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const section = readme.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? "";
  return [...section.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
}

function shell(line: string): Promise<CommandResult> {
  return runShell(line, environment);
}

const runId = (index: number) => `8a1f7c1e-52a4-4c55-9a4c-${String(index).padStart(12, "0")}`;

const startOf = (id: string) => ({
  type: "llm",
  event: "start",
  runId: id,
  name: "gpt-4o",
  timestamp: "2026-01-27T14:30:25Z",
  input: [{ role: "user", content: "Hello" }],
});

const endOf = (id: string) => ({
  type: "llm",
  event: "end",
  runId: id,
  timestamp: "2026-01-27T14:30:26Z",
  output: { role: "assistant", content: "Hello!" },
  tokensUsage: { prompt: 8, completion: 3 },
});
