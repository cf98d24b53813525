import { kindCode } from "@sluice/sdk";
import type { Clock, Ids } from "@sluice/sdk/internal";
import type { Config } from "../config/config.ts";
import type { LiveRecord } from "../live/hub.ts";
import type { RouteHealth } from "../pipeline.ts";
import { sinkHealth } from "./status.ts";

export const HEALTH_KIND = "sink.health";

/**
 * What whoever watches is told when a sink gets better or worse: an event whose `data` says of it what
 * `sluice status --json` does, and `was`, the state before, unless it has just started. It is shown live and
 * not stored: a sink that is down must not fill its own backlog with the news.
 */
export function healthEvent(
  route: RouteHealth,
  was: string | undefined,
  config: Config,
  { clock, ids }: { readonly clock: Clock; readonly ids: Ids },
): LiveRecord {
  const event = {
    id: ids.uuidv7(),
    kind: HEALTH_KIND,
    time: new Date(clock.nowMs()).toISOString(),
    scope: { kind: "system" },
    data: { ...(was !== undefined && { was }), ...sinkHealth(route, config) },
  };
  return { kindCode: kindCode(HEALTH_KIND), body: Buffer.from(JSON.stringify(event)) };
}
