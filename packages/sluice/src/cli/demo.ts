import type { Command } from "commander";
import { type CliContext, type CommonFlags, findDaemon, withCommonFlags } from "./context.ts";

/**
 * `sluice demo`: some real calls through the running daemon, against a provider that it brings along. Needs
 * no key.
 */
export function addDemo(program: Command, context: CliContext): void {
  withCommonFlags(
    program
      .command("demo")
      .description("send some calls through the running daemon, without a key, and show what arrives"),
  ).action(async (flags: CommonFlags) => {
    const { runDemo } = await import("./demo/run.ts");
    await runDemo(await findDaemon(context, flags), context.print);
  });
}
