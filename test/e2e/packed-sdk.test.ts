import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "./daemon.ts";
import { command, installOutside, lint, type PackedPackage, packPackage } from "./packed-package.ts";

/** The SDK as its users meet it: a tarball, installed where nothing of this repository is near. */
const NODE_22 = join(ROOT, "test/consumer/node_modules/.bin/node");
const TYPESCRIPT_6 = join(ROOT, "scripts/api-reference/node_modules/.bin/tsc");
const ATTW = join(
  fileURLToPath(import.meta.resolve("@arethetypeswrong/cli/package.json")),
  "../dist/index.js",
);
/** TypeScript 6 needs seconds, and there may be little of the machine for it. */
const PATIENCE_MS = 120_000;
/** About twice what it is: a fixture or a dependency that slips in is larger than that. */
const TARBALL_BYTES_MAX = 768 * 1024;

let directory: string;
let packed: PackedPackage;
let consumer: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sluice-packed-"));
  packed = await packPackage("sdk", directory);
  consumer = await installOutside(packed, directory);
  copyFileSync(join(ROOT, "test/consumer/program.ts"), join(consumer, "program.ts"));
  // The client that the program observes is the application's own.
  symlinkSync(join(ROOT, "node_modules/openai"), join(consumer, "node_modules/openai"));
}, PATIENCE_MS);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("publint has nothing to say, not even a suggestion", async () => {
  expect(await lint(packed)).toEqual([]);
});

test("every entry point has its types, whoever resolves it as a module", async () => {
  const said = await command(`node ${ATTW} ${packed.tarball} --profile esm-only --format json`, directory);

  const { analysis } = JSON.parse(said);
  const ignored = ["node10", "node16-cjs"];
  const problems = Object.values(analysis.problems).filter(
    (problem) => !ignored.includes((problem as { resolutionKind: string }).resolutionKind),
  );
  expect(Object.keys(analysis.entrypoints)).toEqual([".", "./internal", "./schema/*.json", "./package.json"]);
  expect(problems).toEqual([]);
});

test("the tarball has the built files, their sources for the maps, the schemas, and nothing else", () => {
  const sources = packed.files.filter((path) => path.startsWith("src/"));
  const built = sources.flatMap((path) => {
    const stem = path.replace(/^src/, "dist").replace(/\.ts$/, "");
    return [".d.ts", ".d.ts.map", ".js", ".js.map"].map((ending) => stem + ending);
  });
  const schemas = readdirSync(join(ROOT, "packages/sdk/schema")).map((name) => `schema/${name}`);

  expect(sources).toContain("src/index.ts");
  expect(sources.filter((path) => !/^src\/[\w/-]+\.ts$/.test(path))).toEqual([]);
  expect([...packed.files].sort()).toEqual(
    ["LICENSE", "README.md", "package.json", ...built, ...schemas, ...sources].sort(),
  );
  expect(packed.sizeBytes).toBeLessThan(TARBALL_BYTES_MAX);
});

test("installing it installs nothing else", () => {
  expect(existsSync(join(consumer, "node_modules/@sluice/sdk/dist/index.js"))).toBe(true);
  expect(existsSync(join(consumer, "node_modules/@sluice/sdk/node_modules"))).toBe(false);
});

const NODENEXT = { module: "nodenext" };
const BUNDLER = { module: "esnext", moduleResolution: "bundler" };
const NODE_TYPES = { lib: ["es2023"], types: ["node"] };
const NO_NODE_TYPES = { lib: ["es2023", "dom"], types: [], skipLibCheck: true };

test.each([
  ["TypeScript 7, NodeNext", "tsc", { ...NODENEXT, ...NODE_TYPES }],
  ["TypeScript 7, a bundler's resolution", "tsc", { ...BUNDLER, ...NODE_TYPES }],
  ["TypeScript 6, NodeNext", TYPESCRIPT_6, { ...NODENEXT, ...NODE_TYPES }],
  ["TypeScript 6, a bundler's resolution", TYPESCRIPT_6, { ...BUNDLER, ...NODE_TYPES }],
  ["TypeScript 7, without Node's types", "tsc", { ...NODENEXT, ...NO_NODE_TYPES }],
  ["a bundler's resolution, without Node's types", "tsc", { ...BUNDLER, ...NO_NODE_TYPES }],
])(
  "a strict program compiles against it under %s",
  { timeout: PATIENCE_MS },
  async (_, compiler, options) => {
    configureConsumer(options);

    await expect(command(`${compiler} --noEmit -p .`, consumer)).resolves.toBe("");
  },
);

test("only the bridge to Node's streams asks for Node's types, where declarations are checked", async () => {
  configureConsumer({ ...NODENEXT, ...NO_NODE_TYPES, skipLibCheck: false });

  const said = await command("tsc --noEmit -p . || true", consumer);

  const bridge = "node_modules/@sluice/sdk/dist/stream/bridges/node.d.ts";
  expect(said.split("\n").filter((line) => line !== "" && !line.startsWith(bridge))).toEqual([]);
});

test.each([
  ["22, the oldest that it promises", NODE_22, "v22."],
  ["24", process.execPath, "v24."],
])("the compiled program runs on Node %s", async (_, node, version) => {
  configureConsumer({ ...NODENEXT, ...NODE_TYPES });
  await command("tsc -p .", consumer);

  const runs = await command(`${node} --version && ${node} program.js`, consumer);

  const [first, second] = runs.split("\n");
  expect(first).toContain(version);
  expect(JSON.parse(second ?? "")).toEqual({
    kinds: ["order.placed", "init.started", "init.succeeded", "run.started", "run.ended"],
    drops: ["1 invalid"],
    texts: ["Hello, world", "Hello, world"],
    isRefused: true,
  });
});

test.each([
  ["22", NODE_22],
  ["24", process.execPath],
])("a program in CommonJS can require it on Node %s", async (_, node) => {
  const script = `'console.log(typeof require("@sluice/sdk").createEventStream)'`;

  await expect(command(`${node} --input-type=commonjs --eval ${script}`, consumer)).resolves.toBe(
    "function\n",
  );
});

/** Everything strict, and the package's own declarations are checked too. */
function configureConsumer(options: object): void {
  const modules = join(consumer, "node_modules/@types");
  if (!existsSync(modules)) symlinkSync(join(ROOT, "node_modules/@types"), modules);
  const compilerOptions = {
    ...{ target: "es2023", strict: true, skipLibCheck: false, exactOptionalPropertyTypes: true },
    ...{ noUncheckedIndexedAccess: true, verbatimModuleSyntax: true, isolatedModules: true },
    ...options,
  };
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
}
