import type { Command } from "commander";
import type { CliContext } from "./context.ts";

/** The child that decodes a record which may have ended a daemon. Hidden from help. */
export function addTryRecord(program: Command, context: CliContext): void {
  program.command("try-record", { hidden: true }).action(async () => {
    const { tryRecordHere } = await import("../daemon/try-record.ts");
    await tryRecordHere(context.print);
  });
}
