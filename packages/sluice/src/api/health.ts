import type { ServerResponse } from "node:http";
import { CHALLENGE_HEADER, PROOF_HEADER, proofOf } from "@sluice/sdk/internal";
import { sendJson, sendText } from "../http/send.ts";
import type { PipelineStatus, RouteStatus } from "../pipeline.ts";
import type { Route } from "./routes.ts";

export interface HealthOptions {
  readonly nonce: string;
  isDraining(): boolean;
  status(): PipelineStatus;
  /** What a backend said may repeat the key. */
  redact(text: string): string;
}

/**
 * livez: the process answers. readyz: it takes new events. A sink that fails turns neither off, because
 * events are kept for it; a spool that refuses does. healthz says the same as readyz, and with ?verbose why.
 */
export function healthRoutes(options: HealthOptions): readonly Route[] {
  const notReady = (): string | undefined => {
    if (options.isDraining()) return "draining";
    const { refusing, refusingCode } = options.status().spool;
    if (refusing === undefined) return undefined;
    return `spool refuses: ${refusing}${refusingCode === undefined ? "" : ` (${refusingCode})`}`;
  };

  const answerReady = (response: ServerResponse) => {
    const reason = notReady();
    sendText(
      response,
      reason === undefined ? 200 : 503,
      reason === undefined ? "ok" : `not ready: ${reason}`,
    );
  };

  const causeOf = (health: RouteStatus["health"], lastError: string | undefined) => {
    const cause = "reason" in health ? health.reason : lastError;
    return cause === undefined ? undefined : options.redact(cause);
  };

  return [
    {
      method: "GET",
      path: "/livez",
      access: "challenge",
      whileDraining: true,
      isWork: false,
      serve(request, response) {
        const challenge = request.headers[CHALLENGE_HEADER];
        if (typeof challenge === "string")
          response.setHeader(PROOF_HEADER, proofOf(options.nonce, challenge));
        sendText(response, 200, "ok");
      },
    },
    {
      method: "GET",
      path: "/readyz",
      access: "open",
      whileDraining: true,
      isWork: false,
      serve: (_request, response) => answerReady(response),
    },
    {
      method: "GET",
      path: "/healthz",
      access: "open",
      whileDraining: true,
      isWork: false,
      serve(_request, response, target) {
        if (!new URLSearchParams(target.search).has("verbose")) return answerReady(response);
        const reason = notReady();
        const { spool, sinks } = options.status();
        const body = {
          status: reason === undefined ? "ok" : "not ready",
          ...(reason === undefined ? {} : { reason }),
          spool: {
            bytes: spool.bytes,
            maxBytes: spool.maxBytes,
            damaged: spool.damaged,
            refusing: spool.refusing,
            unsynced: spool.unsynced,
            ...(spool.fullInMs === undefined ? {} : { fullInMs: spool.fullInMs }),
            ...(spool.refusingCode === undefined ? {} : { code: spool.refusingCode }),
          },
          sinks: sinks.map(
            ({
              route,
              health,
              state,
              lag,
              lastError,
              oldestAgeMs,
              backlog,
              troubleSinceMs,
              waitUntilMs,
            }) => ({
              sink: route,
              health: health.name,
              cause: causeOf(health, lastError),
              state: state.name,
              since: troubleSinceMs && new Date(troubleSinceMs).toISOString(),
              nextTry: waitUntilMs && new Date(waitUntilMs).toISOString(),
              lag,
              oldestAgeMs,
              backlog,
            }),
          ),
        };
        sendJson(response, reason === undefined ? 200 : 503, body);
      },
    },
  ];
}
