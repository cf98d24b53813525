import type { Command } from "commander";
import { type CliContext, type CommonFlags, withCommonFlags } from "./context.ts";
import { type LaunchFlags, launch } from "./launch.ts";

/** `sluice start`: the daemon, in the foreground or detached. */
export function addStart(program: Command, context: CliContext): void {
  withCommonFlags(program.command("start").description("start the daemon and print its URL"))
    .option("--listen <host:port>", "where to listen; port 0 takes a free one (SLUICE_LISTEN)")
    .option("--detach", "return when it is ready, and leave it running")
    .option("--json", "print pid, url and version as JSON when it is ready")
    .action((flags: CommonFlags & LaunchFlags) => launch(context, flags, {}));
}
