import { sendJson, sendText } from "../http/send.ts";
import { answerWith, lastWord } from "./answer.ts";
import type { Route } from "./routes.ts";

export interface AdminOptions {
  /** What `sluice status --json` prints; without a secret in it. */
  status(): unknown;
  /** In the Prometheus text format. */
  metrics(): Promise<string>;
  /** Reads the configuration again. Rejects with a SluiceError for one that is not right. */
  reload(): Promise<unknown>;
  /** What keeps a sink from delivering; undefined if nothing does. Rejects with a SluiceError. */
  checkSink(name: string, signal: AbortSignal): Promise<string | undefined>;
  /** Resolves to how many events were dropped. Rejects with a SluiceError. */
  forgetSink(name: string): Promise<number>;
  /** Begins the shutdown; returns at once. */
  stop(): void;
}

const SINKS = "/v1/sinks/";
/** Below what a command line waits for an answer. */
const CHECK_MS_MAX = 8_000;

/** What looks at the daemon and what ends it. */
export function adminRoutes(options: AdminOptions): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/metrics",
      access: "open",
      whileDraining: true,
      isWork: false,
      async serve(_request, response) {
        sendText(response, 200, (await options.metrics()).trimEnd(), "text/plain; version=0.0.4");
      },
    },
    {
      method: "GET",
      path: "/v1/status",
      access: "token",
      whileDraining: true,
      isWork: false,
      serve: (_request, response) => sendJson(response, 200, options.status()),
    },
    {
      method: "POST",
      path: "/v1/reload",
      access: "token",
      serve: (_request, response) =>
        answerWith(response, async () => sendJson(response, 200, await options.reload())),
    },
    {
      method: "POST",
      path: SINKS,
      isPrefix: true,
      access: "token",
      serve: (_request, response, { path }) =>
        answerWith(response, async () => {
          const problem = await options.checkSink(lastWord(path, SINKS), AbortSignal.timeout(CHECK_MS_MAX));
          sendJson(response, 200, {
            works: problem === undefined,
            ...(problem !== undefined && { problem }),
          });
        }),
    },
    {
      method: "DELETE",
      path: SINKS,
      isPrefix: true,
      access: "token",
      serve: (_request, response, { path }) =>
        answerWith(response, async () => {
          sendJson(response, 200, { dropped: await options.forgetSink(lastWord(path, SINKS)) });
        }),
    },
    {
      method: "POST",
      path: "/v1/stop",
      access: "token",
      whileDraining: true,
      isWork: false,
      serve(_request, response) {
        sendJson(response, 202, { stopping: true });
        options.stop();
      },
    },
  ];
}
