import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * The folders of test/projects are npm projects of their own, since their packages want versions that clash
 * with ours and with each other's. They are installed when they are first needed, and again when their
 * lockfile is another one.
 */
const HOME = join(import.meta.dirname, "projects");
const MANIFESTS = ["package.json", "package-lock.json"];
/** In node_modules: the digest of the manifests that it was installed from. */
const STAMP = ".sluice-installed";
/** A registry that does not answer must not hold the tests for longer. A slow one has taken seven minutes. */
const INSTALL_MS_MAX = 10 * 60_000;
/** Only `npm run hostile` needs them, and installs them itself. */
const NOT_OF_TESTS = /^hostile/;

/** Vitest calls it before the tests. Without a network they still run, and only those fail that need more. */
export async function setup(): Promise<void> {
  await installProjects(projectsOfTests()).catch((error) => console.error(error.message));
}

export function projectsOfTests(): readonly string[] {
  return readdirSync(HOME).filter(
    (name) => existsSync(join(HOME, name, "package-lock.json")) && !NOT_OF_TESTS.test(name),
  );
}

/** Whatever of them is not installed as its lockfile says. Rejects with what npm said. */
export async function installProjects(names: readonly string[]): Promise<void> {
  const ends = await Promise.allSettled(names.filter((name) => !isInstalled(name)).map(install));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** A project's folder. Throws unless it is installed. */
export function projectFolder(name: string): string {
  if (!isInstalled(name)) throw new Error(`${sentenceOf(name)} "npm test" does that, with a network.`);
  return join(HOME, name);
}

/**
 * Beside its place, and moved there whole: so two runs at once do no more than the same work twice, and one
 * that is killed leaves nothing that looks installed.
 */
async function install(name: string): Promise<void> {
  const folder = join(HOME, name);
  const aside = mkdtempSync(join(folder, ".installing-"));
  try {
    for (const file of MANIFESTS) cpSync(join(folder, file), join(aside, file));
    await npmCi(name, aside);
    const made = join(aside, "node_modules");
    mkdirSync(made, { recursive: true });
    writeFileSync(join(made, STAMP), digestOf(aside));
    place(name, made, join(folder, "node_modules"), join(aside, "before"));
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

function place(name: string, made: string, target: string, before: string): void {
  try {
    if (existsSync(target)) renameSync(target, before);
    renameSync(made, target);
  } catch (error) {
    // Another run was quicker in between, and has installed the same.
    if (!isInstalled(name)) throw error;
  }
}

async function npmCi(name: string, cwd: string): Promise<void> {
  const npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  await promisify(execFile)("npm", npm, { cwd, timeout: INSTALL_MS_MAX }).catch((error) => {
    const said = `${error.stderr || error.message}`.trim();
    throw new Error(`${sentenceOf(name)} Without a network that cannot be done. npm says:\n${said}`);
  });
}

function sentenceOf(name: string): string {
  return `The packages of test/projects/${name} have to be installed from the npm registry.`;
}

function isInstalled(name: string): boolean {
  const stamp = join(HOME, name, "node_modules", STAMP);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === digestOf(join(HOME, name));
}

function digestOf(folder: string): string {
  const hash = createHash("sha256");
  for (const file of MANIFESTS) hash.update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}
