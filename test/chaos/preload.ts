import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";

/**
 * Compiles a C file of ours to a library for LD_PRELOAD, in a fresh temporary folder, and resolves to its
 * path. Needs the tools "linux" and "cc" (tools.ts). Who runs a program under it sets UV_USE_IO_URING=0, or
 * libuv may go past the C library.
 */
export async function compilePreload(source: string): Promise<string> {
  const library = join(mkdtempSync(join(tmpdir(), "sluice-preload-")), `${basename(source, ".c")}.so`);
  await promisify(execFile)("cc", [
    ...["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-pthread"],
    ...["-o", library, source, "-ldl"],
  ]);
  return library;
}
