import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  openProviderServer,
  type ProviderServer,
} from "../../packages/sluice/src/testing/provider-server.ts";
import { type CommandResult, ROOT, runShell } from "./daemon.ts";
import { command, installOutside, packPackage } from "./packed-package.ts";

/** The snippets of the SDK's page, as somebody copies them: against the packed package, outside of the house. */
const SNIPPETS = snippetsOf(readFileSync(join(ROOT, "packages/sdk/README.md"), "utf8"));

let directory: string;
let home: string;
let server: ProviderServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sluice-readme-"));
  home = await installOutside(await packPackage("sdk", directory), directory);
  for (const name of ["openai", "@types"])
    symlinkSync(join(ROOT, "node_modules", name), join(home, "node_modules", name));
  for (const [title, text] of SNIPPETS) writeFileSync(join(home, `${fileOf(title)}.ts`), text);
  writeFileSync(join(home, "tsconfig.json"), JSON.stringify({ compilerOptions: STRICT, include: ["*.ts"] }));
  server = await openProviderServer();
}, 120_000);

afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

test("every snippet compiles under strict settings", async () => {
  expect([...SNIPPETS.keys()]).toEqual(["Stream to several readers", "Write an emitter"]);

  await expect(command("tsc -p .", home)).resolves.toBe("");
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

test("the custom emitter posts its events, and says what a collector refused", async () => {
  server.answer({ chunks: [] });
  const accepted = await run("Write an emitter");
  server.answer({ status: 503, chunks: [] });
  const refused = await run("Write an emitter");

  expect(accepted).toEqual({ exit: 0, stdout: "", stderr: "" });
  expect(JSON.parse(`${server.received[0]?.body}`)).toMatchObject({ kind: "order.placed" });
  expect(refused).toMatchObject({ exit: 0, stderr: expect.stringMatching(/^1 events lost: .*503/) });
});

function run(title: string): Promise<CommandResult> {
  const line = `cd ${home} && ${process.execPath} ${fileOf(title)}.js`;
  return runShell(line, { COLLECTOR_URL: `${server.url}/events` });
}

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
