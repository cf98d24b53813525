import { join } from "node:path";
import {
  endProcess,
  keepAlive,
  systemClock,
  systemDisk,
  systemProcessTable,
  systemRandom,
} from "@sluice/sdk/internal";
import type { Config } from "../config/config.ts";
import { EXIT, SluiceError } from "../errors.ts";
import { checkFormats, type Headers } from "../formats.ts";
import { type DaemonLog, openDaemonLog } from "../telemetry/daemon-log.ts";
import { createLogger, type Logger } from "../telemetry/logger.ts";
import { type Daemon, openDaemon } from "./lifecycle.ts";
import type { DaemonParts } from "./parts.ts";
import type { StopSummary } from "./shutdown.ts";
import { tryRecordApart } from "./try-record.ts";
import { VERSION } from "./version.ts";

export const LOG_FILE = "sluice.log";

export interface RunOptions {
  readonly config: Config;
  /** Reads it again, from where it came from. */
  readonly readConfig: () => Promise<Config>;
  readonly parts: DaemonParts;
  /**
   * True for a daemon without a terminal of its own: its log goes to the file only.
   */
  readonly isDetached: boolean;
  /** Shows a log line in a foreground daemon. */
  showLog(line: string): void;
  onReady(daemon: Daemon): void;
}

/**
 * Runs a daemon as this process: opens it, serves until a signal or the API ends it, and resolves to the exit
 * code. The first SIGTERM or SIGINT drains, the second ends the process at once: what was acknowledged is on
 * disk either way.
 */
export async function runDaemon(options: RunOptions): Promise<{ exit: number; summary: StopSummary }> {
  const { config, isDetached } = options;
  // Before the log is opened: a directory of a later version keeps every byte as it is.
  const headers = await refuseNewer(config.dataDir);
  const logFile = await openLog(config);
  // Until it is ready; if it never is, one sentence is shown instead, and the lines are in the file.
  let unshown: string[] | undefined = [];
  const logger = createLogger({
    level: config.logLevel,
    secrets: config.secrets,
    clock: systemClock,
    destination: {
      write(line) {
        logFile.write(line);
        if (isDetached) return;
        if (unshown) unshown.push(line);
        else options.showLog(line);
      },
    },
  });
  const alive = keepAlive();
  let daemon: Daemon | undefined;
  const signals = watchSignals(logger, {
    isReload: () => isDetached || !process.stderr.isTTY,
    // What was read at the start stands; the log says what is wrong with the rest.
    reload: () => void daemon?.reload().catch(() => undefined),
    end(signal) {
      // Before it is ready there is nothing to drain, and opening can take long.
      if (!daemon) endProcess(exitOf(signal));
      void daemon.stop(signal);
    },
  });
  try {
    daemon = await openDaemon({
      config,
      readConfig: options.readConfig,
      parts: options.parts,
      logger,
      clock: systemClock,
      disk: systemDisk,
      random: systemRandom,
      version: VERSION,
      pid: process.pid,
      surroundings: {
        tryRecord: (body) => tryRecordApart(process.argv[1] ?? "", body),
        machineRun: systemProcessTable.self.bootId,
        headers,
      },
    });
    options.onReady(daemon);
    for (const line of unshown) options.showLog(line);
    unshown = undefined;
    return { exit: EXIT.ok, summary: await daemon.stopped };
  } catch (error) {
    logger.error({ error: String(error) }, "start failed");
    throw error;
  } finally {
    signals.close();
    alive.cancel();
    logFile.close();
  }
}

/** Refuses what a newer version wrote. Only reads. */
export async function refuseNewer(dataDir: string): Promise<Headers> {
  try {
    return await checkFormats(systemDisk, dataDir);
  } catch (error) {
    throw SluiceError.is(error) ? error : unusable(dataDir, error);
  }
}

async function openLog(config: Config): Promise<DaemonLog> {
  const path = join(config.dataDir, LOG_FILE);
  try {
    await systemDisk.makeDirectory(config.dataDir);
    return await openDaemonLog(path, systemDisk);
  } catch (error) {
    throw unusable(config.dataDir, error);
  }
}

/** Node's code and text, as a data directory's error. */
export function unusable(path: string, error: unknown): SluiceError {
  const cause = error instanceof Error ? error.message : String(error);
  return new SluiceError("DATA_DIR_UNUSABLE", { path, cause }, error);
}

type EndSignal = "SIGTERM" | "SIGINT" | "SIGHUP";

function exitOf(signal: EndSignal): number {
  switch (signal) {
    case "SIGHUP":
      return 129;
    case "SIGINT":
      return 130;
    case "SIGTERM":
      return 143;
  }
}

interface OnSignal {
  /** A hang-up is a request to reload, unless there is a terminal that can be closed. */
  isReload(): boolean;
  reload(): void;
  end(signal: EndSignal): void;
}

function watchSignals(logger: Logger, on: OnSignal): { close(): void } {
  let isEnding = false;
  const onEnd = (signal: EndSignal) => {
    if (isEnding) endProcess(exitOf(signal));
    isEnding = true;
    on.end(signal);
  };
  const onHangUp = () => {
    if (on.isReload()) on.reload();
    else onEnd("SIGHUP");
  };
  const onBug = (error: unknown) => {
    const stack = error instanceof Error ? error.stack : undefined;
    logger.error({ error: String(error), stack }, "a bug ended the daemon; what was acknowledged is on disk");
    endProcess(EXIT.bug);
  };
  const listeners = [
    ["SIGTERM", onEnd],
    ["SIGINT", onEnd],
    ["SIGHUP", onHangUp],
    ["uncaughtException", onBug],
  ] as const;
  for (const [event, listener] of listeners) process.on(event, listener);
  return {
    close() {
      for (const [event, listener] of listeners) process.off(event, listener);
    },
  };
}
