import { sleep, systemClock } from "@sluice/sdk/internal";
import type { Command } from "commander";
import type { DaemonClient } from "../daemon/client.ts";
import { type CliContext, type CommonFlags, findDaemon, UNTIL_EXIT, withCommonFlags } from "./context.ts";
import { describeEvent } from "./describe-event.ts";
import { readSse } from "./sse.ts";

interface TailFlags extends CommonFlags {
  readonly kind: readonly string[];
  readonly run?: string;
  readonly json?: boolean;
}

/** A daemon that restarts is back within some seconds. */
const RECONNECT_MS = 500;
const RECONNECTS_MAX = 20;

/** `sluice tail`: events as they become durable. What it misses it says; the sinks miss nothing. */
export function addTail(program: Command, context: CliContext): void {
  withCommonFlags(program.command("tail").description("show events live, until Ctrl-C"))
    .option(
      "--kind <kind>",
      'only this kind; "run.*" works; repeatable',
      (kind, kinds: string[]) => [...kinds, kind],
      [],
    )
    .option("--run <id>", "only this run")
    .option("--json", "each event as one line of JSON")
    .action(async (flags: TailFlags) => {
      const show = (line: string) => context.print(line);
      let lastId: string | undefined;
      for (let attempt = 0; ; attempt++) {
        try {
          const client = await findDaemon(context, flags);
          for await (const id of watch(client, flags, lastId, show, context.say)) {
            lastId = id ?? lastId;
            attempt = 0;
          }
        } catch (error) {
          if (lastId === undefined || attempt >= RECONNECTS_MAX) throw error;
        }
        await sleep(systemClock, RECONNECT_MS, UNTIL_EXIT);
      }
    });
}

async function* watch(
  client: DaemonClient,
  flags: TailFlags,
  lastId: string | undefined,
  show: (line: string) => void,
  say: (line: string) => void,
): AsyncGenerator<string | undefined> {
  const query = new URLSearchParams(flags.kind.map((kind): [string, string] => ["kind", kind]));
  if (flags.run !== undefined) query.set("run", flags.run);
  const response = await client.request("GET", `/v1/tail?${query}`, {
    signal: UNTIL_EXIT,
    headers: lastId === undefined ? {} : { "last-event-id": lastId },
  });
  if (lastId === undefined) say(`Watching ${client.discovery.url}. End with Ctrl-C.`);
  yield lastId ?? `${client.discovery.bootId}:0`;
  for await (const { event, data, id } of readSse(response.body ?? new ReadableStream())) {
    if (event === "gap") say(gapLine(data));
    else show(flags.json ? data : describeEvent(data));
    yield id;
  }
}

function gapLine(data: string): string {
  const { missed }: { missed: number | null } = JSON.parse(data);
  return missed === null
    ? "— the daemon was restarted; what came meanwhile is not shown —"
    : `— ${missed} events are not shown —`;
}
