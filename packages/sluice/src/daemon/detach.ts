import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { closeDescriptor, openForAppend, sleep, systemClock, systemDisk } from "@sluice/sdk/internal";
import type { ConfigFlags } from "../config/load.ts";
import { EXIT, SluiceError } from "../errors.ts";
import { plainEnvironment } from "./plain-environment.ts";
import { PROCESS_ENVIRONMENT, PROCESS_FLAGS } from "./process-settings.ts";
import { LOG_FILE, refuseNewer, unusable } from "./run.ts";

/**
 * Starting in the background. The parent starts this same command again as a child of its own session, hands
 * over the whole request through a private channel, and waits for one answer: ready, or failed with the
 * sentence and exit code that the foreground would have given. Keys travel only there: the child's arguments
 * hold none, and its environment holds only what programs need to run (see `plainEnvironment`), so nothing
 * shows in `ps` or /proc.
 */
export interface StartRequest {
  readonly flags: ConfigFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

export type StartReport =
  | { readonly status: "ready"; readonly url: string; readonly pid: number }
  | { readonly status: "failed"; readonly message: string; readonly exit: number };

export interface DetachOptions {
  readonly request: StartRequest;
  readonly dataDir: string;
  /** The script that this process runs; the child runs it too. */
  readonly script: string;
  readonly timeoutMs?: number;
}

/** The command of the child. Not for people, so help does not show it. */
const DETACHED_COMMAND = "run-detached";

/** Reading back a full spool (5 GiB) takes some seconds; a slow disk gets ten times that. */
const READY_TIMEOUT_MS = 60_000;

/**
 * Resolves when the daemon is ready. Rejects with its error, or when it ends or takes too long without a
 * word.
 */
export async function startDetached(options: DetachOptions): Promise<{ url: string; pid: number }> {
  const { dataDir, request, script } = options;
  const log = join(dataDir, LOG_FILE);
  // The child would say the same, and its log would be a change to a directory that must not be changed.
  await refuseNewer(dataDir);
  const child = await spawnChild(dataDir, log, script, request);
  try {
    const report = await reportOf(child, request, options.timeoutMs ?? READY_TIMEOUT_MS);
    if (report.status === "ready") return { url: report.url, pid: report.pid };
    throw new DetachedFailure(report.message, report.exit);
  } catch (error) {
    child.kill("SIGKILL");
    if (error instanceof DetachedFailure || SluiceError.is(error)) throw error;
    throw new SluiceError(
      "DETACH_FAILED",
      { cause: error instanceof Error ? error.message : String(error), log },
      error,
    );
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** The child's own words and exit code. */
export class DetachedFailure extends Error {
  readonly exit: number;

  constructor(message: string, exit: number) {
    super(message);
    this.name = "DetachedFailure";
    this.exit = exit;
  }
}

async function spawnChild(
  dataDir: string,
  log: string,
  script: string,
  request: StartRequest,
): Promise<ChildProcess> {
  let output: number;
  try {
    await systemDisk.makeDirectory(dataDir);
    output = openForAppend(log);
  } catch (error) {
    throw unusable(dataDir, error);
  }
  const isOurs = (flag: string) => flag.startsWith("--inspect") || PROCESS_FLAGS.includes(flag);
  const inherited = process.execArgv.filter((flag) => !isOurs(flag));
  try {
    return spawn(process.execPath, [...PROCESS_FLAGS, ...inherited, script, DETACHED_COMMAND], {
      // Its own session: no terminal can hang it up. Its own directory: the one it was started in may be
      // removed.
      detached: true,
      cwd: dataDir,
      env: { ...PROCESS_ENVIRONMENT, ...plainEnvironment(request.env) },
      stdio: ["ignore", output, output, "ipc"],
    });
  } finally {
    closeDescriptor(output);
  }
}

function reportOf(child: ChildProcess, request: StartRequest, timeoutMs: number): Promise<StartReport> {
  const over = new AbortController();
  const report = new Promise<StartReport>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => reject(new Error(`it ended with ${signal ?? `exit code ${code}`}`)));
    child.once("message", (message) => resolve(parseReport(message)));
    child.send(request, (error) => error && reject(error));
    void sleep(systemClock, timeoutMs, over.signal).then(() =>
      reject(new Error(`it was not ready after ${timeoutMs / 1_000} s`)),
    );
  });
  return report.finally(() => over.abort());
}

function parseReport(message: unknown): StartReport {
  if (typeof message === "object" && message !== null && "status" in message) {
    if (message.status === "ready" && "url" in message && "pid" in message) {
      return { status: "ready", url: String(message.url), pid: Number(message.pid) };
    }
    if (message.status === "failed" && "message" in message && "exit" in message) {
      return { status: "failed", message: String(message.message), exit: Number(message.exit) };
    }
  }
  return { status: "failed", message: "The daemon answered something unknown.", exit: EXIT.bug };
}

/**
 * In the child: the request of the parent. Rejects when there is no parent, because somebody typed the
 * command.
 */
export function receiveRequest(): Promise<StartRequest> {
  if (!process.send) return Promise.reject(new SluiceError("NOT_FOR_PEOPLE", { command: DETACHED_COMMAND }));
  return new Promise((resolve, reject) => {
    process.once("message", (message) => {
      if (isRequest(message)) resolve(message);
      else reject(new SluiceError("NOT_FOR_PEOPLE", { command: DETACHED_COMMAND }));
    });
  });
}

/**
 * In the child: the one answer; then the channel is closed, and the two processes have nothing more in
 * common.
 */
export function sendReport(report: StartReport): Promise<void> {
  return new Promise((resolve) => {
    if (!process.send || !process.connected) return resolve();
    process.send(report, undefined, undefined, () => {
      // The parent may have closed it already.
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}

function isRequest(message: unknown): message is StartRequest {
  return (
    typeof message === "object" &&
    message !== null &&
    "flags" in message &&
    "env" in message &&
    "cwd" in message
  );
}
