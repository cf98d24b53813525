import { systemDisk } from "@sluice/sdk/internal";
import type { Command } from "commander";
import { EXIT } from "../errors.ts";
import { type CliContext, type CommonFlags, findDataDir, withCommonFlags } from "./context.ts";

/**
 * `sluice verify`: proves from the disk that every accepted event is accounted for. Exit 1 when one is not.
 */
export function addVerify(program: Command, context: CliContext): void {
  withCommonFlags(
    program.command("verify").description("prove from the disk that every accepted event is accounted for"),
  )
    .option("--json", "as JSON")
    .action(async (flags: CommonFlags & { json?: boolean }) => {
      const { openVerification } = await import("../verify.ts");
      const result = await openVerification({ dataDir: await findDataDir(context, flags), disk: systemDisk });
      if (flags.json) context.print(JSON.stringify(result));
      else {
        for (const { name, balance } of result.sinks) {
          context.print(
            `${name}: accepted ${balance.accepted}, delivered ${balance.delivered}, pending ${balance.pending}`,
          );
        }
        for (const problem of result.problems) context.say(problem);
        context.say(
          result.isGood ? `Good: ${result.records} records, every balance holds.` : "Not good; see above.",
        );
      }
      if (!result.isGood) context.exit = EXIT.failure;
    });
}
