import type { Command } from "commander";
import type { Reloaded } from "../daemon/reload.ts";
import { EXIT } from "../errors.ts";
import { type CliContext, type CommonFlags, findDaemon, withCommonFlags } from "./context.ts";

/** `sluice reload`: the daemon reads its configuration again and takes up its sinks. */
export function addReload(program: Command, context: CliContext): void {
  withCommonFlags(
    program
      .command("reload")
      .description("let the daemon read its configuration again (exit 3: not running, 4: a sink failed)"),
  )
    .option("--json", "as JSON")
    .action(async (flags: CommonFlags & { json?: boolean }) => {
      const client = await findDaemon(context, flags);
      const answer = await (await client.request("POST", "/v1/reload")).text();
      const reloaded: Reloaded = JSON.parse(answer);
      if (reloaded.sinks.some(({ change }) => change === "failed")) context.exit = EXIT.partial;
      if (flags.json) return context.print(answer.trimEnd());
      for (const { sink, change, reason } of reloaded.sinks) {
        context.print(`${sink.padEnd(23)} ${change}${reason === undefined ? "" : `: ${reason}`}`);
      }
      if (reloaded.sinks.length === 0) context.say("No sink has changed.");
      for (const name of reloaded.needRestart) {
        context.say(`${name} says something else now, and holds from the next start on.`);
      }
    });
}
