import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { publint } from "publint";
import { ROOT, runShell } from "./daemon.ts";

/** A package as its users get it. */
export interface PackedPackage {
  readonly tarball: string;
  /** What is in the tarball, from the package's root. */
  readonly files: readonly string[];
  readonly sizeBytes: number;
  readonly unpackedBytes: number;
}

/** What a clone does not have. */
const OUTPUTS = /\/(node_modules|dist)(\/|$)/;

/**
 * Builds a package from a copy of its sources, so that neither an older build nor another test's can be in
 * the way, and packs it into `directory`.
 */
export async function packPackage(name: "sdk" | "sluice", directory: string): Promise<PackedPackage> {
  const house = join(directory, "house");
  const home = join(house, "packages", name);
  for (const part of ["tsconfig.base.json", "packages/sdk", "packages/sluice"])
    cpSync(join(ROOT, part), join(house, part), {
      recursive: true,
      filter: (path) => !OUTPUTS.test(relative(ROOT, path)),
    });
  linkDependencies(house);
  await command(`tsc -b packages/${name}`, house);
  const packed = await command(`npm pack --json --ignore-scripts --pack-destination ${directory}`, home);
  const [{ filename, size, unpackedSize, files }] = JSON.parse(packed);
  return {
    tarball: join(directory, filename),
    files: files.map((file: { path: string }) => file.path),
    sizeBytes: size,
    unpackedBytes: unpackedSize,
  };
}

/** What publint says of it, suggestions included. */
export async function lint(packed: PackedPackage): Promise<readonly unknown[]> {
  const { buffer } = new Uint8Array(readFileSync(packed.tarball));
  const { messages } = await publint({ pack: { tarball: buffer }, strict: true });
  return messages;
}

/** A directory that knows nothing of this repository, with the package installed from its tarball. */
export async function installOutside(packed: PackedPackage, directory: string): Promise<string> {
  const home = join(directory, "consumer");
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await command(`npm install --offline --no-audit --no-fund ${packed.tarball}`, home);
  return home;
}

/** Runs a line with this repository's commands; throws with all it printed if it fails. */
export async function command(line: string, directory: string): Promise<string> {
  const result = await runShell(`cd ${directory} && ${line}`, {
    PATH: `${join(ROOT, "node_modules/.bin")}:${process.env["PATH"]}`,
    NO_COLOR: "1",
  });
  if (result.exit === 0) return result.stdout;
  throw new Error(`${line} ended with ${result.exit}:\n${result.stdout}${result.stderr}`);
}

/** The repository's own dependencies, but the copy's SDK. */
function linkDependencies(house: string): void {
  const modules = join(house, "node_modules");
  mkdirSync(join(modules, "@sluice"), { recursive: true });
  symlinkSync(join(house, "packages/sdk"), join(modules, "@sluice/sdk"));
  for (const name of readdirSync(join(ROOT, "node_modules")))
    if (name !== "@sluice") symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
}
