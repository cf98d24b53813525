import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  openProviderServer,
  type ProviderServer,
} from "../../packages/sluice/src/testing/provider-server.ts";
import { type CommandResult, eventually, House, ROOT, runShell } from "./daemon.ts";
import { command, installOutside, packPackage } from "./packed-package.ts";

/** The snippets of the SDK's page, as somebody copies them: against the packed package, outside of the house. */
const SNIPPETS = snippetsOf(readFileSync(join(ROOT, "packages/sdk/README.md"), "utf8"));

let directory: string;
let home: string;
let server: ProviderServer;
let compilerSays: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sluice-readme-"));
  home = await installOutside(await packPackage("sdk", directory), directory);
  for (const name of ["openai", "@types"])
    symlinkSync(join(ROOT, "node_modules", name), join(home, "node_modules", name));
  for (const [title, text] of SNIPPETS) writeFileSync(join(home, `${fileOf(title)}.ts`), text);
  writeFileSync(join(home, "tsconfig.json"), JSON.stringify({ compilerOptions: STRICT, include: ["*.ts"] }));
  compilerSays = await command("tsc -p . || true", home);
  server = await openProviderServer();
}, 60_000);

afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

test("there are five snippets, and each compiles under strict settings", () => {
  expect([...SNIPPETS.keys()]).toEqual([
    ...["Hello", "Observe a client", "Stream to several readers", "Send to the daemon", "Write an emitter"],
  ]);
  expect(compilerSays).toBe("");
});

test("hello leaves one line, with an id and a time", async () => {
  const { exit } = await run("Hello");

  const lines = linesOf("events.jsonl");
  expect(exit).toBe(0);
  expect(lines).toMatchObject([{ kind: "order.placed", data: { amount: 12.5 }, id: expect.any(String) }]);
});

test("an observed client answers as always, and its call is a start and an end", async () => {
  server.answer({ headers: { "content-type": "application/json" }, chunks: [Buffer.from(ANSWER)] });

  const { exit, stdout, stderr } = await run("Observe a client");

  expect({ exit, stdout, stderr }).toEqual({ exit: 0, stdout: "Hello!\n", stderr: "" });
  expect(linesOf("calls.jsonl")).toMatchObject([
    { kind: "init.started" },
    { kind: "init.succeeded" },
    { kind: "run.started", run: { request: { model: "gpt-4o" } } },
    { kind: "run.ended", run: { status: "ok", usage: { input: 8, output: 3, source: "provider" } } },
  ]);
});

test("both readers of the stream get every word", async () => {
  const { exit, stdout } = await run("Stream to several readers");

  const words = ["Hello", ", ", "world"].map((text) => `TextDelta { text: '${text}' }`);
  const lines = stdout.trim().split("\n");
  expect(exit).toBe(0);
  for (const name of ["page", "log"])
    expect(lines.filter((line) => line.startsWith(name))).toEqual(words.map((word) => `${name} ${word}`));
  expect(lines).toHaveLength(6);
});

test("an application that is killed after emit has its event delivered by the daemon that starts later", async () => {
  const house = new House();
  try {
    const { exit } = await run("Send to the daemon", { SLUICE_DATA_DIR: house.dataDir });
    house.configure("");
    await house.start();
    const [event] = await eventually(() => (house.lines().length > 0 ? house.lines() : undefined), 15_000);
    await house.stop();

    expect(exit).toBe(null);
    expect(event).toMatchObject({ kind: "order.placed", data: { amount: 12.5 } });
  } finally {
    await house.close();
  }
});

test("the custom emitter posts its events, and says what a collector refused", async () => {
  server.answer({ chunks: [] });
  const accepted = await run("Write an emitter");
  server.answer({ status: 503, chunks: [] });
  const refused = await run("Write an emitter");

  expect(accepted).toEqual({ exit: 0, stdout: "", stderr: "" });
  expect(JSON.parse(`${server.received.at(-2)?.body}`)).toMatchObject({ kind: "order.placed" });
  expect(refused).toMatchObject({ exit: 0, stderr: expect.stringMatching(/^1 events lost: .*503/) });
});

function run(title: string, environment: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  return runShell(`cd ${home} && exec ${process.execPath} ${fileOf(title)}.js`, {
    ...{ OPENAI_API_KEY: "none", OPENAI_BASE_URL: `${server.url}/v1`, COLLECTOR_URL: `${server.url}/events` },
    ...environment,
  });
}

function linesOf(file: string): readonly unknown[] {
  const lines = readFileSync(join(home, file), "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

const ANSWER = JSON.stringify({
  ...{ id: "chatcmpl-1", object: "chat.completion", created: 1, model: "gpt-4o-2024-08-06" },
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "Hello!" } }],
  usage: { prompt_tokens: 8, completion_tokens: 3, total_tokens: 11 },
});

const STRICT = {
  ...{ target: "es2024", module: "nodenext", types: ["node"], strict: true, skipLibCheck: true },
  ...{ noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, verbatimModuleSyntax: true },
};

/** The TypeScript below each heading. */
function snippetsOf(markdown: string): ReadonlyMap<string, string> {
  const found = markdown.matchAll(/^## ([^\n]+)\n(?:(?!^## )[\s\S])*?^```ts\n([\s\S]*?)^```$/gm);
  return new Map([...found].map(([, title = "", text = ""]) => [title, text]));
}

function fileOf(title: string): string {
  return title.toLowerCase().replaceAll(" ", "-");
}
