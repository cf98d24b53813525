import type { ConfigFlags } from "../config/load.ts";
import { VERSION } from "../daemon/version.ts";
import { type CliContext, type CommonFlags, loadCliConfig, pickFlags } from "./context.ts";
import { formatLogLine } from "./log-line.ts";

export interface LaunchFlags {
  readonly listen?: string;
  readonly detach?: boolean;
  readonly json?: boolean;
}

/**
 * Starts a daemon as the flags say. The configuration is checked first, so that a mistake shows before
 * anything detaches.
 */
export async function launch(
  context: CliContext,
  flags: CommonFlags & LaunchFlags,
  more: Pick<ConfigFlags, "sinks">,
): Promise<void> {
  const configFlags: ConfigFlags = {
    ...pickFlags(flags),
    ...(flags.listen === undefined ? {} : { listen: flags.listen }),
    ...more,
  };
  const config = await loadCliConfig(context, configFlags);
  const announce = (url: string, pid: number) =>
    context.print(flags.json ? JSON.stringify({ pid, url, version: VERSION, dataDir: config.dataDir }) : url);

  if (flags.detach) {
    const { startDetached } = await import("../daemon/detach.ts");
    const request = { flags: configFlags, env: context.env, cwd: context.cwd };
    const { url, pid } = await startDetached({ request, dataDir: config.dataDir, script: context.script });
    context.say(
      `sluice ${VERSION} runs in the background (pid ${pid}). Its log: sluice logs. End it with: sluice stop`,
    );
    announce(url, pid);
    return;
  }
  context.isDaemon = true;
  const { runDaemon } = await import("../daemon/run.ts");
  const { exit, summary } = await runDaemon({
    config,
    readConfig: () => loadCliConfig(context, configFlags),
    parts: await context.parts(),
    isDetached: false,
    showLog: (line) => process.stderr.write(process.stderr.isTTY ? formatLogLine(line) : line),
    onReady(daemon) {
      context.say(
        `sluice ${VERSION} is ready. Data: ${config.dataDir}. Sinks: ${namesOf(config.sinks)}. End it with Ctrl-C.`,
      );
      announce(daemon.url, process.pid);
    },
  });
  for (const { sink, events } of summary.pending) {
    context.say(`${events} events for ${sink} are kept and will be sent after the next start.`);
  }
  context.exit = exit;
}

function namesOf(sinks: readonly { readonly name: string; readonly enabled: boolean }[]): string {
  return sinks.map(({ name, enabled }) => (enabled ? name : `${name} (off)`)).join(", ");
}
