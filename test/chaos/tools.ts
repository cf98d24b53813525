import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What a test needs from the system beside Node, and where it is looked for. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  libfaketime: [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
  ],
};

/**
 * The tools that are missing, as a part of the test's name; "" if all are there. A test that cannot run says
 * what for, and is reported as skipped:
 *
 *   const missing = missingTools("cc", "root");
 *   test.skipIf(missing)(`a full volume refuses and recovers (P6)${missing}`, …)
 *
 * "linux" and "root" are conditions rather than programs.
 */
export function missingTools(...tools: readonly string[]): string {
  const missing = tools.filter((tool) => !isThere(tool));
  return missing.length === 0 ? "" : ` [needs ${missing.join(", ")}]`;
}

/** The path of a library; throws if it is missing. */
export function libraryPath(name: string): string {
  const path = LIBRARIES[name]?.find((candidate) => existsSync(candidate));
  if (!path) throw new Error(`${name} is not installed: see .ci/tools for what the battery needs.`);
  return path;
}

function isThere(tool: string): boolean {
  if (tool === "linux") return process.platform === "linux";
  if (tool === "root") return process.geteuid?.() === 0;
  if (LIBRARIES[tool]) return LIBRARIES[tool].some((path) => existsSync(path));
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, tool)));
}
