import type { Command } from "commander";
import { statusOf } from "../daemon/client.ts";
import { EXIT } from "../errors.ts";
import { type CliContext, type CommonFlags, findDaemon, withCommonFlags } from "./context.ts";
import { sinkLine } from "./status.ts";

/** `sluice sinks list | test | forget`. */
export function addSinks(program: Command, context: CliContext): void {
  const sinks = program
    .command("sinks")
    .description("look after the sinks of a running daemon")
    .helpCommand(false);
  withCommonFlags(sinks.command("list").description("show each sink's state and balance"))
    .option("--json", "as JSON")
    .action(async (flags: CommonFlags & { json?: boolean }) => {
      const { sinks } = await statusOf(await findDaemon(context, flags));
      if (flags.json) return context.print(JSON.stringify(sinks));
      for (const sink of sinks) context.print(sinkLine(sink));
    });
  withCommonFlags(
    sinks
      .command("test")
      .argument("[name]")
      .description("ask each sink whether it can deliver, without sending an event (exit 4: one cannot)"),
  ).action(async (name: string | undefined, flags: CommonFlags) => {
    const client = await findDaemon(context, flags);
    const running = (await statusOf(client)).sinks.filter(
      ({ reason, replay }) => !replay && reason === undefined,
    );
    for (const sink of name === undefined ? running.map((each) => each.name) : [name]) {
      const answer = await client.request("POST", `/v1/sinks/${encodeURIComponent(sink)}`);
      const { problem }: { problem?: string } = JSON.parse(await answer.text());
      context.print(`${sink.padEnd(24)}  ${problem ?? "works"}`);
      if (problem !== undefined) context.exit = EXIT.partial;
    }
  });
  withCommonFlags(
    sinks
      .command("forget")
      .argument("<name>")
      .description("drop the backlog of a sink that is not in the configuration any more, and forget it"),
  ).action(async (name: string, flags: CommonFlags) => {
    const client = await findDaemon(context, flags);
    const answer = await client.request("DELETE", `/v1/sinks/${encodeURIComponent(name)}`);
    const { dropped }: { dropped: number } = JSON.parse(await answer.text());
    context.say(`The sink "${name}" is forgotten. Events it has not got, and that are dropped: ${dropped}.`);
  });
}
