import { join } from "node:path";
import { type CommandResult, ROOT, runShell } from "./daemon.ts";

/** Runs an example as its page says, but against the sources. */
export function runExample(
  name: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const main = join(ROOT, "examples", name, "main.ts");
  return runShell([process.execPath, "--conditions=sluice-source", main, ...words].join(" "), environment);
}
