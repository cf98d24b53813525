import type { Clock, Disk, Random } from "@sluice/sdk/internal";
import type { Route } from "../api/routes.ts";
import type { Config } from "../config/config.ts";
import type { Durability, Pipeline } from "../pipeline.ts";
import type { Intake } from "../sources/intake.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { openDemoUpstream } from "./demo-upstream.ts";
import type { DaemonParts, SourceContext } from "./parts.ts";

/** Where events come in: the routes of every source. */
export interface Doors {
  readonly routes: readonly Route[];
  /**
   * Ends what is still going. Its last events go to the intake, so this comes before the pipeline is closed.
   */
  close(): Promise<void>;
}

export interface DoorOptions {
  readonly disk: Disk;
  readonly logger: Logger;
  readonly parts: DaemonParts;
  readonly pipeline: Pipeline;
  readonly config: Config;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
}

export function openDoors(options: DoorOptions): Doors {
  const { parts, pipeline, config, metrics, clock, random, disk, logger } = options;
  const source = (name: string, durability: Durability): SourceContext => ({
    intake: counted(pipeline.intakeFor(durability), name, metrics),
    clock,
    random,
    onRefused: (code) => metrics.onRefused(code),
  });
  const ingest = parts.createIngest(source("ingest", config.durability.ingest));
  const spill = parts.openSpill({
    // A file is removed when its events are taken, and it has survived more than a process.
    ...source("spill", "disk"),
    dataDir: config.dataDir,
    disk,
    observer: {
      onAdopted(file) {
        metrics.onSpillAdopted(file);
        const fields = { ...file };
        if (file.refused > 0) logger.warn(fields, "spill file adopted, and lines of it refused");
        else logger.info(fields, "spill file adopted");
      },
      warn: (message) => logger.flood("spill", {}, message),
    },
  });
  const proxyContext = {
    ...source("proxy", config.durability.proxy),
    hub: pipeline.hub,
    onUncaptured: (reason: string, events: number) => metrics.onUncaptured(reason, events),
  };
  const proxy = parts.createProxy({ ...proxyContext, upstreams: config.upstreams });
  const demo = openDemoUpstream((baseUrl) =>
    parts.createProxy({ ...proxyContext, upstreams: { openai: { baseUrl } } }),
  );
  const proxyRoutes = Object.keys(config.upstreams).map(
    (provider): Route => ({
      path: `/${provider}/`,
      isPrefix: true,
      access: "open",
      serve: (request, response, target) => proxy(request, response, provider, target.rest),
    }),
  );
  const ingestRoute: Route = {
    method: "POST",
    path: "/v1/events",
    access: "open",
    serve: (request, response) => ingest(request, response),
  };
  return {
    routes: [...proxyRoutes, ingestRoute, ...demo.routes],
    close: async () => void (await Promise.all([proxy.close(), demo.close(), spill.close()])),
  };
}

/** The intake as one source sees it, counted under the source's name. */
function counted(intake: Intake, source: string, metrics: Metrics): Intake {
  return {
    bootId: intake.bootId,
    durability: intake.durability,
    async append(records, signal) {
      const outcomes = await intake.append(records, signal);
      metrics.onAppended(source, outcomes);
      return outcomes;
    },
  };
}
