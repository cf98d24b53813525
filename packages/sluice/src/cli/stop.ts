import {
  type ProcessIdentity,
  processOf,
  sleep,
  systemClock,
  systemDisk,
  systemProcessTable,
} from "@sluice/sdk/internal";
import type { Command } from "commander";
import { connectDaemon, type DaemonClient, statusOf } from "../daemon/client.ts";
import { findDiscovery } from "../daemon/discovery.ts";
import type { SinkStatus } from "../daemon/status.ts";
import { SluiceError } from "../errors.ts";
import { type CliContext, type CommonFlags, findDataDir, UNTIL_EXIT, withCommonFlags } from "./context.ts";

/** The daemon's own limits (10 s to drain, 2 s to close) and as much again for a machine that is busy. */
const WAIT_MS = 24_000;
const POLL_MS = 50;
/**
 * For the process itself, once it has closed everything: milliseconds, or as long as a machine that is busy
 * takes. Where there is no /proc a zombie looks alive, and so this has to end.
 */
const GONE_MS = 2_000;
const GONE_POLL_MS = 10;

/**
 * `sluice stop`: ends the daemon and waits until it is gone. It is asked over HTTP, so no other process can
 * be hit.
 */
export function addStop(program: Command, context: CliContext): void {
  withCommonFlags(
    program.command("stop").description("drain the daemon and wait until it has ended (exit 3: not running)"),
  ).action(async (flags: CommonFlags) => {
    const dataDir = await findDataDir(context, flags);
    const client = await connectDaemon(systemDisk, dataDir);
    const { discovery } = client;
    const daemon = processOf(discovery.pid);
    // A daemon that has nothing to send may be gone before it is asked again; what waits now, stays.
    let sinks = (await sinksOf(client, [])).filter(({ route }) => route !== "running");
    await client.request("POST", "/v1/stop");
    const untilMs = systemClock.monotonicMs() + WAIT_MS;
    while (isAlive(daemon) && (await holds(discovery.nonce, dataDir))) {
      if (systemClock.monotonicMs() > untilMs) {
        throw new SluiceError("STOP_TIMEOUT", { pid: discovery.pid, seconds: WAIT_MS / 1_000 });
      }
      // Once it has closed the port there is nobody to ask; the last answer stands.
      sinks = await sinksOf(client, sinks);
      await sleep(systemClock, POLL_MS, UNTIL_EXIT);
    }
    const goneMs = systemClock.monotonicMs() + GONE_MS;
    while (isAlive(daemon) && systemClock.monotonicMs() < goneMs) {
      await sleep(systemClock, GONE_POLL_MS, UNTIL_EXIT);
    }
    for (const { name, replay, balance } of sinks) {
      const whose = replay ? `the replay to ${name}` : name;
      if (balance.pending > 0)
        context.say(`${balance.pending} events for ${whose} are kept for the next start.`);
    }
    context.say(`sluice (pid ${discovery.pid}) has ended.`);
  });
}

function sinksOf(client: DaemonClient, otherwise: SinkStatus[]): Promise<SinkStatus[]> {
  return statusOf(client).then(
    ({ sinks }) => [...sinks],
    () => otherwise,
  );
}

/** daemon.json goes when everything is closed and the data directory is free; after a kill it stays behind. */
async function holds(nonce: string, dataDir: string): Promise<boolean> {
  return (await findDiscovery(systemDisk, dataDir))?.nonce === nonce;
}

/** A zombie is not, where that can be known: in a container its init may be slow to look. */
function isAlive(daemon: ProcessIdentity): boolean {
  return systemProcessTable.stateOf(daemon) !== "dead";
}
