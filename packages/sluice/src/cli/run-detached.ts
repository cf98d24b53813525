import type { Command } from "commander";
import { EXIT, SluiceError } from "../errors.ts";
import { type CliContext, loadCliConfig } from "./context.ts";

/** The child of `--detach`: takes its whole request from the parent, and answers once. Hidden from help. */
export function addRunDetached(program: Command, context: CliContext): void {
  program.command("run-detached", { hidden: true }).action(async () => {
    const { receiveRequest, sendReport } = await import("../daemon/detach.ts");
    const { runDaemon } = await import("../daemon/run.ts");
    const { env, cwd, flags } = await receiveRequest();
    context.isDaemon = true;
    try {
      const readConfig = () => loadCliConfig({ env, cwd, parts: context.parts }, flags);
      const config = await readConfig();
      const { exit } = await runDaemon({
        config,
        readConfig,
        parts: await context.parts(),
        isDetached: true,
        showLog: () => {},
        onReady: (daemon) => void sendReport({ status: "ready", url: daemon.url, pid: process.pid }),
      });
      context.exit = exit;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      await sendReport({ status: "failed", message, exit: SluiceError.is(error) ? error.exit : EXIT.bug });
      throw error;
    }
  });
}
