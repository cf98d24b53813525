import { systemDisk } from "@sluice/sdk/internal";
import type { Command } from "commander";
import { EXIT } from "../errors.ts";
import type { Verification } from "../verify.ts";
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
          context.print(`${name}: ${equation(balance)}`);
        }
        for (const problem of result.problems) context.say(problem);
        context.say(
          result.isGood ? `Good: ${result.records} records, every balance holds.` : "Not good; see above.",
        );
      }
      if (!result.isGood) context.exit = EXIT.failure;
    });
}

type Balance = Verification["sinks"][number]["balance"];

/** Every term, also where it is 0: `accepted 5 = delivered 3 + pending 0 + skipped 2 (partial 2) + …`. */
function equation({ accepted, delivered, pending, skipped, deadLettered, dropped }: Balance): string {
  const terms = [
    `delivered ${delivered}`,
    `pending ${pending}`,
    `skipped ${byReason(skipped)}`,
    `dead letters ${deadLettered}`,
    `dropped ${byReason(dropped)}`,
  ];
  return `accepted ${accepted} = ${terms.join(" + ")}`;
}

/** `7 (filtered 5, partial 2)` */
function byReason(counts: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(counts).filter(([, events]) => events > 0);
  const sum = reasons.reduce((total, [, events]) => total + events, 0);
  if (sum === 0) return "0";
  return `${sum} (${reasons.map(([reason, events]) => `${reason} ${events}`).join(", ")})`;
}
