import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** A copy of the repository as it is in the working tree, to be broken on purpose. */
export interface HouseCopy {
  readonly path: string;
  /** Throws if the patch does not fit the code any more: then it has to be written anew. */
  apply(patch: string): void;
  revert(patch: string): void;
}

/** Its packages are its own, and what comes from the registry is linked. */
export function copyHouse(): HouseCopy {
  const path = mkdtempSync(join(tmpdir(), "sluice-mutants-"));
  for (const file of listFiles()) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    cpSync(join(ROOT, file), join(path, file), { verbatimSymlinks: true });
  }
  linkModules(join(ROOT, "node_modules"), join(path, "node_modules"));
  return {
    path,
    apply: (patch) => patchFiles(path, patch),
    revert: (patch) => patchFiles(path, patch, "--reverse"),
  };
}

function listFiles(): readonly string[] {
  const words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listed = execFileSync("git", words, { cwd: ROOT, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  return listed.split("\0").filter((file) => file !== "" && existsSync(join(ROOT, file)));
}

/** A link to a package of ours is relative, so in the copy it leads to the copy. */
function linkModules(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from).filter((entry) => !entry.startsWith(".v"))) {
    const source = join(from, name);
    if (lstatSync(source).isSymbolicLink()) symlinkSync(readlinkSync(source), join(to, name));
    else if (name.startsWith("@")) linkModules(source, join(to, name));
    else symlinkSync(source, join(to, name));
  }
}

function patchFiles(path: string, patch: string, ...words: readonly string[]): void {
  execFileSync("git", ["apply", ...words, patch], { cwd: path });
}
