import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { type Clock, codeOf, createIds, type Disk, type Random } from "@sluice/sdk/internal";
import { adminRoutes } from "../api/admin.ts";
import { deadLetterRoutes } from "../api/dead-letters.ts";
import { healthRoutes } from "../api/health.ts";
import { replayRoutes } from "../api/replays.ts";
import type { Route } from "../api/routes.ts";
import { type ApiServer, isLoopback, openServer } from "../api/server.ts";
import { tailRoute } from "../api/tail.ts";
import type { Config } from "../config/config.ts";
import { SluiceError } from "../errors.ts";
import type { Pipeline, PipelineOptions, RouteHealth } from "../pipeline.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { createObserver } from "../telemetry/observer.ts";
import { removeDiscovery, writeDiscovery } from "./discovery.ts";
import { type Doors, openDoors } from "./doors.ts";
import { healthEvent } from "./health-event.ts";
import type { DaemonParts } from "./parts.ts";
import { needRestart, type Reloaded } from "./reload.ts";
import { type StopSummary, shutDown } from "./shutdown.ts";
import { type DaemonStatus, sinkStatus } from "./status.ts";

/**
 * A daemon's life.
 *
 *   opening    The data directory is taken (or refused), every route starts, the port is bound, daemon.json
 *              is written.
 *   ready      It serves. `open` resolves here.
 *   draining   New work gets 503. Calls in flight may end and sinks take what is pending, together for the
 *              grace at most.
 *   closed     What is left stands in the spool for the next start; daemon.json is gone. `stopped` resolves
 *              here.
 *
 *     opening ──ready── ready ──stop()── draining ──idle, or the grace is over── closed
 *     opening ──any failure── (everything opened so far is closed, the promise rejects)
 */
export interface Daemon {
  readonly url: string;
  status(): DaemonStatus;
  /**
   * Reads the configuration again and takes up its sinks; what else is different holds from the next start
   * on. Rejects with a SluiceError if it is not right: then nothing has changed.
   */
  reload(): Promise<Reloaded>;
  /** Shuts down; a second call joins the first. Never rejects. */
  stop(reason: string): Promise<StopSummary>;
  /** Resolves when it has shut down, whoever asked. */
  readonly stopped: Promise<StopSummary>;
}

export interface DaemonOptions {
  readonly config: Config;
  readonly readConfig: () => Promise<Config>;
  readonly parts: DaemonParts;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly version: string;
  readonly pid: number;
  /** What only this process and machine can tell the pipeline. */
  readonly surroundings?: Pick<PipelineOptions, "tryRecord" | "machineRun" | "headers">;
  /** How long calls and sinks may take to finish. */
  readonly graceMs?: number;
}

/** In the data directory. */
const SOCKET_FILE = "sluice.sock";

/** Opens a daemon. Rejects with a SluiceError that says what to do, and leaves nothing behind. */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const { config, logger, clock } = options;
  const { host, port } = config.listen;
  if (!isLoopback(host) && config.token === undefined) {
    throw new SluiceError("LISTEN_TOKEN_NEEDED", { listen: `${host}:${port}` });
  }
  await makeDataDir(options);

  let pipeline: Pipeline | undefined;
  const metrics = createMetrics({
    version: options.version,
    status: () => pipeline?.status(),
    live: () => pipeline?.hub,
  });
  const ids = createIds(clock, options.random);
  const onHealth = (now: RouteHealth, was: string | undefined) =>
    pipeline?.hub.publish([healthEvent(now, was, config, { clock, ids })]);
  try {
    pipeline = await options.parts.openPipeline({
      dataDir: config.dataDir,
      spool: config.spool,
      sinks: config.sinks,
      binding: config.binding,
      metering: config.metering,
      observer: createObserver(metrics, logger, onHealth),
      clock,
      disk: options.disk,
      random: options.random,
      version: options.version,
      ...options.surroundings,
    });
    const daemon = new RunningDaemon(options, pipeline, metrics);
    await daemon.listen();
    return daemon;
  } catch (error) {
    await pipeline?.close();
    metrics.close();
    throw error;
  }
}

async function makeDataDir({ disk, config }: DaemonOptions): Promise<void> {
  try {
    await disk.makeDirectory(config.dataDir);
  } catch (error) {
    throw new SluiceError(
      "DATA_DIR_UNUSABLE",
      { path: config.dataDir, cause: codeOf(error) ?? String(error) },
      error,
    );
  }
}

class RunningDaemon implements Daemon {
  readonly #options: DaemonOptions;
  readonly #pipeline: Pipeline;
  readonly #metrics: Metrics;
  readonly #nonce: string;
  readonly #token: string;
  readonly #startedAt: string;
  readonly #stopped = Promise.withResolvers<StopSummary>();
  #server: ApiServer | undefined;
  /** Where the settings came from that were read last. */
  #origins: readonly string[];
  readonly #doors: Doors;
  #isStopping = false;
  /** One after the other: what was read last is what holds. */
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(options: DaemonOptions, pipeline: Pipeline, metrics: Metrics) {
    this.#options = options;
    this.#pipeline = pipeline;
    this.#metrics = metrics;
    this.#nonce = randomHex(options.random);
    this.#token = options.config.token ?? randomHex(options.random);
    this.#origins = options.config.origins;
    this.#startedAt = new Date(options.clock.nowMs()).toISOString();
    this.#doors = openDoors({ ...options, pipeline, metrics });
    options.config.secrets.add(this.#token);
    options.config.secrets.add(this.#nonce);
  }

  get url(): string {
    return this.#server?.url ?? "";
  }

  get stopped(): Promise<StopSummary> {
    return this.#stopped.promise;
  }

  /** Binds the port and writes daemon.json. Rejects with everything of its own closed again. */
  async listen(): Promise<void> {
    const { config, logger, version, pid } = this.#options;
    try {
      this.#server = await this.#openServer();
      await this.#announce();
    } catch (error) {
      await this.#doors.close();
      await this.#server?.close();
      throw error;
    }
    logger.info({ url: this.url, pid, version, sinks: config.sinks.map(({ name }) => name) }, "ready");
  }

  async #openServer(): Promise<ApiServer> {
    const { config, clock, disk, logger } = this.#options;
    const { host } = config.listen;
    const socketPath = config.socket ? join(config.dataDir, SOCKET_FILE) : undefined;
    // The directory is ours by its lock, so whoever listened there is gone.
    if (socketPath !== undefined) await disk.remove(socketPath);
    return openServer({
      listen: config.listen,
      ...(socketPath !== undefined && { socketPath }),
      hosts: [...config.hosts, ...(isLoopback(host) ? [] : namesOfThisMachine())],
      token: this.#token,
      clock,
      routes: () => this.#routes(),
      onRefused: (code) => {
        this.#metrics.onRefused(code);
        logger.flood(code, {}, "request refused");
      },
      onBug: (error) =>
        logger.flood("bug", { error: String(error), stack: stackOf(error) }, "a route failed"),
    });
  }

  async #announce(): Promise<void> {
    const { config, disk, version, pid } = this.#options;
    try {
      await writeDiscovery(disk, config.dataDir, {
        url: this.url,
        pid,
        nonce: this.#nonce,
        token: this.#token,
        version,
        bootId: this.#pipeline.intake.bootId,
        startedAt: this.#startedAt,
        ...(config.socket && { socket: SOCKET_FILE }),
      });
    } catch (error) {
      throw new SluiceError(
        "DATA_DIR_UNUSABLE",
        { path: config.dataDir, cause: codeOf(error) ?? String(error) },
        error,
      );
    }
  }

  status(): DaemonStatus {
    const { config, version, pid } = this.#options;
    const { bootId, spool, sinks, assembler } = this.#pipeline.status();
    return {
      state: this.#isStopping ? "draining" : "ready",
      pid,
      url: this.url,
      version,
      bootId,
      startedAt: this.#startedAt,
      dataDir: config.dataDir,
      configuration: this.#origins,
      spool,
      sinks: sinks.map((route) => sinkStatus(route, config)),
      assembler: sinkStatus(assembler, config),
      live: { subscribers: this.#pipeline.hub.subscribers, missed: this.#pipeline.hub.missed },
    };
  }

  reload(): Promise<Reloaded> {
    const reloaded = this.#reloading.then(() => this.#reload());
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  async #reload(): Promise<Reloaded> {
    const { config, logger, readConfig } = this.#options;
    try {
      const read = await readConfig();
      if (this.#isStopping) return { sinks: [], needRestart: [] };
      config.secrets.adopt(read.secrets);
      const reloaded = {
        sinks: await this.#pipeline.applySinks(read.sinks),
        needRestart: needRestart(config, read),
      };
      this.#pipeline.applyMetering(read.metering);
      this.#origins = read.origins;
      logger.info(reloaded, "configuration reloaded");
      return reloaded;
    } catch (error) {
      logger.error({ error: String(error) }, "the configuration was not taken up");
      throw error;
    }
  }

  stop(reason: string): Promise<StopSummary> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      this.#shutDown(reason).then(this.#stopped.resolve, this.#stopped.reject);
    }
    return this.stopped;
  }

  async #shutDown(reason: string): Promise<StopSummary> {
    const { clock, config, disk, logger, graceMs } = this.#options;
    const summary = await shutDown(reason, {
      server: this.#server,
      doors: this.#doors,
      pipeline: this.#pipeline,
      withdraw: () => removeDiscovery(disk, config.dataDir, this.#nonce),
      clock,
      logger,
      graceMs,
    });
    this.#metrics.close();
    return summary;
  }

  #routes(): readonly Route[] {
    const { clock, config } = this.#options;
    const { hub, intake } = this.#pipeline;
    return [
      ...this.#doors.routes,
      tailRoute({ hub, clock, bootId: intake.bootId }),
      ...healthRoutes({
        nonce: this.#nonce,
        isDraining: () => this.#isStopping,
        status: () => this.#pipeline.status(),
        redact: (text) => config.secrets.redact(text),
      }),
      ...deadLetterRoutes((sink) => this.#pipeline.letterDesk(sink)),
      ...replayRoutes(() => this.#pipeline.replays),
      ...adminRoutes({
        status: () => this.status(),
        metrics: async () => config.secrets.redact(await this.#metrics.scrape()),
        reload: () => this.reload(),
        checkSink: (name, signal) => this.#pipeline.checkSink(name, signal),
        forgetSink: (name) => this.#pipeline.forgetSink(name),
        stop: () => void this.stop("asked over the API"),
      }),
    ];
  }
}

/** 256 bits: nobody guesses it. */
function randomHex(random: Random): string {
  return Buffer.from(random.fill(new Uint8Array(32))).toString("hex");
}

/** How others address a server that listens on an address of this machine, or on all of them. */
function namesOfThisMachine(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const names = addresses.map(({ address, family }) => (family === "IPv6" ? `[${address}]` : address));
  return [hostname(), ...names];
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
