import { type Command, InvalidArgumentError } from "commander";
import { parseDuration } from "../config/units.ts";
import { statusOf } from "../daemon/client.ts";
import type { Balance, FinishedReplay, ReplayPlan } from "../pipeline.ts";
import { type CliContext, type CommonFlags, findDaemon, withCommonFlags } from "./context.ts";
import { sinkLine } from "./status.ts";

interface ReplayFlags extends CommonFlags {
  readonly from?: number | string;
  readonly to?: number | string;
  readonly rate?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `sluice replay SINK`, `replay list`, `replay cancel SINK`. */
export function addReplay(program: Command, context: CliContext): void {
  const replay = withCommonFlags(
    program
      .command("replay")
      .argument("[sink]")
      .description("send events that the spool still has to a sink once more, behind what is live"),
  )
    .option("--from <place>", 'where it begins: an offset, a time (RFC 3339), or an age like "2h"', placeOf)
    .option("--to <place>", "where it ends, before that", placeOf)
    .option("--rate <events>", "events a second at the most; 200 requests a second at any rate", rateOf)
    .option("--dry-run", "say what would be sent, and send nothing")
    .option("--json", "as JSON")
    .action(async (sink: string | undefined, flags: ReplayFlags, command: Command) => {
      if (sink === undefined) command.error("sluice: name the sink. See: sluice sinks list");
      const client = await findDaemon(context, flags);
      const { rate, dryRun } = flags;
      const request = {
        sink,
        ...from(flags.from),
        ...to(flags.to),
        ...(rate && { rate }),
        ...(dryRun && { dryRun }),
      };
      const headers = { "content-type": "application/json" };
      const answer = await client.request("POST", "/v1/replays", { body: JSON.stringify(request), headers });
      const text = await answer.text();
      if (flags.json) return context.print(text.trimEnd());
      if (dryRun) for (const line of describe(JSON.parse(text))) context.print(line);
      else context.say(`The replay is under way. See: sluice replay list`);
    });
  withCommonFlags(
    replay.command("list").description("show the replays that are under way, and the last that are over"),
  )
    .option("--json", "as JSON")
    .action(async (flags: CommonFlags & { json?: boolean }) => {
      const client = await findDaemon(context, flags);
      const running = (await statusOf(client)).sinks.filter(({ replay }) => replay);
      const answer = await client.request("GET", "/v1/replays");
      const { finished }: { finished: readonly FinishedReplay[] } = JSON.parse(await answer.text());
      if (flags.json) return context.print(JSON.stringify({ running, finished }));
      for (const sink of running) context.print(sinkLine(sink));
      for (const { sink, outcome, balance } of finished) {
        const parts = [sink.padEnd(24), outcome.padEnd(9), ...termsOf(balance)];
        context.print(parts.join("  "));
      }
    });
  withCommonFlags(
    replay.command("cancel").argument("<sink>").description("end the replay to a sink where it is"),
  ).action(async (sink: string, flags: CommonFlags) => {
    const client = await findDaemon(context, flags);
    const answer = await client.request("DELETE", `/v1/replays/${encodeURIComponent(sink)}`);
    const { balance }: FinishedReplay = JSON.parse(await answer.text());
    context.say(
      `The replay to "${sink}" has ended: ${balance.delivered} of ${balance.accepted} were delivered.`,
    );
  });
}

const from = (place?: number | string) =>
  place === undefined ? {} : typeof place === "number" ? { from: place } : { since: place };
const to = (place?: number | string) =>
  place === undefined ? {} : typeof place === "number" ? { until: place } : { before: place };

/** An offset as a number, a time as RFC 3339. */
function placeOf(text: string): number | string {
  if (/^\d+$/.test(text)) return Number(text);
  const ageMs = parseDuration(text);
  const atMs = ageMs === undefined ? Date.parse(text) : Date.now() - ageMs;
  if (Number.isNaN(atMs)) {
    throw new InvalidArgumentError(
      'Write an offset, a time like "2026-11-21T09:00:00Z", or an age like "2h".',
    );
  }
  return new Date(atMs).toISOString();
}

function rateOf(text: string): number {
  const rate = Number(text);
  if (!(rate > 0)) throw new InvalidArgumentError("Write a number above 0.");
  return rate;
}

/** Of what is over, every term that has events: what is not delivered has another end. */
function termsOf({
  accepted,
  delivered,
  pending,
  skipped,
  deadLettered,
  dropped,
}: Balance): readonly string[] {
  return [
    `delivered ${delivered} of ${accepted}`,
    ...Object.entries(skipped).map(([reason, events]) => `skipped ${events} (${reason})`),
    ...(deadLettered > 0 ? [`dead letters ${deadLettered}`] : []),
    ...Object.entries(dropped).map(([reason, events]) => `DROPPED ${events} (${reason})`),
    ...(pending > 0 ? [`not sent ${pending}`] : []),
  ];
}

function describe({ sink, from, until, send, bytes, skip, refuse, gone }: ReplayPlan): readonly string[] {
  if (until <= from) return [`to ${sink}, no offsets: the spool has nothing between these places`];
  return [
    `to ${sink}, offsets ${from} to ${until - 1}`,
    `send ${send} events, ${(bytes / 1_000_000).toFixed(1)} MB`,
    ...Object.entries(skip).map(([reason, events]) => `skip ${events} (${reason})`),
    ...(refuse > 0 ? [`refuse ${refuse} (they are no events)`] : []),
    ...(gone > 0 ? [`gone ${gone}`] : []),
  ];
}
