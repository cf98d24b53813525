import type { Command } from "commander";
import { statusOf } from "../daemon/client.ts";
import type { DaemonStatus, SinkStatus } from "../daemon/status.ts";
import { type CliContext, type CommonFlags, findDaemon, withCommonFlags } from "./context.ts";

/** `sluice status`: what the daemon is doing. Exit 3 when none runs. */
export function addStatus(program: Command, context: CliContext): void {
  withCommonFlags(
    program
      .command("status")
      .description("show the daemon and each sink's state and balance (exit 3: not running)"),
  )
    .option("--json", "as JSON")
    .action(async (flags: CommonFlags & { json?: boolean }) => {
      const client = await findDaemon(context, flags);
      const status = await statusOf(client);
      if (flags.json) return context.print(JSON.stringify(status));
      for (const line of describe(status)) context.print(line);
    });
}

function describe(status: DaemonStatus): readonly string[] {
  const { spool } = status;
  const share = Math.round((spool.bytes / Math.max(1, spool.maxBytes)) * 100);
  const isFilling = spool.fullInMs !== undefined && spool.refusing === undefined;
  const full = isFilling ? `, full in ${aboutHours(spool.fullInMs)} at this rate` : "";
  const refusing = spool.refusing === undefined ? "" : `, REFUSES: ${spool.refusing}`;
  // While it works this changes five times a second; it is worth a word when the disk does not take them.
  const isAtStake = spool.refusing !== undefined && spool.unsynced > 0;
  const unsynced = isAtStake ? `, ${spool.unsynced} ACKNOWLEDGED AS os AND NOT ON DISK` : "";
  return [
    `sluice ${status.version} · pid ${status.pid} · ${status.url} · ${status.state}`,
    `data   ${status.dataDir} · spool ${megabytes(spool.bytes)} MB (${share} %)${full}${refusing}${unsynced}`,
    ...status.sinks.map(sinkLine),
  ];
}

/** A sink in one line. */
export function sinkLine(sink: SinkStatus): string {
  const { name, type, state, reason, balance, backlog, lastError, since, waitUntil } = sink;
  const parts = [
    `${name} (${sink.replay ? "replay" : type})`.padEnd(24),
    state.padEnd(11),
    `delivered ${balance.delivered}`,
    `pending ${balance.pending}`,
  ];
  if (backlog.maxBytes !== undefined) {
    parts.push(`backlog ${megabytes(backlog.bytes)} of ${megabytes(backlog.maxBytes)} MB`);
  }
  for (const [reason, events] of Object.entries(balance.skipped)) parts.push(`skipped ${events} (${reason})`);
  if (balance.deadLettered > 0) parts.push(`dead letters ${balance.deadLettered}`);
  for (const [reason, events] of Object.entries(balance.dropped)) parts.push(`DROPPED ${events} (${reason})`);
  if (since !== undefined) parts.push(`since ${since}`);
  if (waitUntil !== undefined) parts.push(`next try ${waitUntil}`);
  if (lastError !== undefined) parts.push(`last error: ${lastError}`);
  else if (reason !== undefined) parts.push(reason);
  return parts.join("  ");
}

function aboutHours(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
