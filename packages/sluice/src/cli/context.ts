import { homedir } from "node:os";
import { readTextFile, systemDisk } from "@sluice/sdk/internal";
import type { Command } from "commander";
import type { Config } from "../config/config.ts";
import type { ConfigFlags } from "../config/load.ts";
import type { DaemonClient } from "../daemon/client.ts";
import type { DaemonParts } from "../daemon/parts.ts";

/** What every command works with. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The script of this process, for starting it once more. */
  readonly script: string;
  /** Loaded on first use: `--help` and `status` need none of it. */
  parts(): Promise<DaemonParts>;
  /** Data, one line. */
  print(line: string): void;
  /** A message for people, one line. */
  say(line: string): void;
  /** A daemon goes on when the reader of its output leaves. */
  isDaemon: boolean;
  /** What the process will exit with, unless something throws. */
  exit: number;
}

/** The flags that every command has. */
export interface CommonFlags {
  readonly config?: string;
  readonly dataDir?: string;
}

export function withCommonFlags(command: Command): Command {
  return command
    .option("--config <path>", "read this configuration instead of looking for one (SLUICE_CONFIG)")
    .option("--data-dir <path>", "where everything is kept (SLUICE_DATA_DIR)");
}

/** For waits that only the end of the process ends. */
export const UNTIL_EXIT: AbortSignal = new AbortController().signal;

/** Far more than any configuration or key file. */
const TEXT_BYTES_MAX = 1024 * 1024;

export const readText = (path: string): Promise<string> => readTextFile(path, TEXT_BYTES_MAX);

export async function loadCliConfig(
  context: Pick<CliContext, "env" | "cwd" | "parts">,
  flags: ConfigFlags,
): Promise<Config> {
  const { loadConfig } = await import("../config/load.ts");
  const { definitions } = await context.parts();
  return loadConfig({ cwd: context.cwd, env: withHome(context.env), flags, definitions, readText });
}

/**
 * The daemon of the data directory that flags, environment and configuration name. Rejects with NOT_RUNNING.
 */
export async function findDaemon(context: CliContext, flags: CommonFlags): Promise<DaemonClient> {
  const { connectDaemon } = await import("../daemon/client.ts");
  return connectDaemon(systemDisk, await findDataDir(context, flags));
}

export async function findDataDir(context: CliContext, flags: CommonFlags): Promise<string> {
  const { loadDataDir } = await import("../config/load.ts");
  return loadDataDir({ cwd: context.cwd, env: withHome(context.env), flags: pickFlags(flags), readText });
}

export function pickFlags({ config, dataDir }: CommonFlags): ConfigFlags {
  return { ...(config === undefined ? {} : { config }), ...(dataDir === undefined ? {} : { dataDir }) };
}

/** Under systemd and in containers HOME may be missing; the user's entry still has one. */
function withHome(env: CliContext["env"]): CliContext["env"] {
  return env["HOME"] ? env : { ...env, HOME: homedir() };
}
