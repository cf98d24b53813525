import type { IncomingMessage } from "node:http";
import type { Route } from "../api/routes.ts";
import { isLoopback } from "../api/server.ts";
import { sendProblem } from "../http/problem.ts";
import { sendJson } from "../http/send.ts";
import type { ProxyDoor } from "./parts.ts";

/** Ours has some 60 bytes. */
const BODY_BYTES_MAX = 4_096;

export interface DemoUpstream {
  readonly routes: readonly Route[];
  close(): Promise<void>;
}

/**
 * `sluice demo` brings its own provider, and this is how its calls get there through a running daemon: POST
 * /v1/demo (with the token) names it, calls to /demo/openai/… go to it. Only a server on this machine can be
 * named, so that nothing else can be reached through it.
 */
export function openDemoUpstream(createProxy: (baseUrl: string) => ProxyDoor): DemoUpstream {
  let proxy: ProxyDoor | undefined;
  const routes: readonly Route[] = [
    {
      method: "POST",
      path: "/v1/demo",
      access: "token",
      async serve(request, response) {
        const baseUrl = await readBaseUrl(request);
        if (baseUrl === undefined) {
          const detail = "base_url must be the http URL of a server on this machine.";
          return sendProblem(response, { status: 400, code: "bad_demo_upstream", field: "base_url", detail });
        }
        // The one before has nothing more to do: its provider ended with its demo.
        await proxy?.close();
        proxy = createProxy(baseUrl);
        sendJson(response, 200, { base_url: baseUrl });
      },
    },
    {
      path: "/demo/openai/",
      isPrefix: true,
      access: "open",
      serve(request, response, target) {
        if (proxy) return proxy(request, response, "openai", target.rest);
        sendProblem(response, {
          status: 404,
          code: "no_demo",
          detail: "No demo is going on. Start one with: sluice demo",
        });
      },
    },
  ];
  return { routes, close: async () => proxy?.close() };
}

async function readBaseUrl(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    sizeBytes += bytes.length;
    if (sizeBytes > BODY_BYTES_MAX) return undefined;
    chunks.push(bytes);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof body !== "object" || body === null || !("base_url" in body)) return undefined;
    const url = new URL(String(body.base_url));
    return url.protocol === "http:" && isLoopback(url.hostname) ? url.href.replace(/\/$/, "") : undefined;
  } catch {
    // Not JSON or not a URL: the caller says what is wanted.
    return undefined;
  }
}
