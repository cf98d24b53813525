import { join, resolve } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where a daemon keeps everything, and where an application on the same machine looks for it: what was
 * configured, else `$XDG_STATE_HOME/sluice`, else `~/.local/state/sluice`.
 */
export function resolveDataDir(configured: string | undefined, cwd: string, env: Environment): string {
  const home = env["HOME"] ?? cwd;
  if (configured?.startsWith("~/")) return join(home, configured.slice(2));
  if (configured) return resolve(cwd, configured);
  return join(env["XDG_STATE_HOME"] || join(home, ".local", "state"), "sluice");
}
