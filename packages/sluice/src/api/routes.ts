import type { IncomingMessage, ServerResponse } from "node:http";
import type { Access } from "./guard.ts";

/** One line of the route table. */
export interface Route {
  /** Absent: any method, as for the proxy. HEAD is answered where GET is. */
  readonly method?: "GET" | "POST" | "DELETE";
  /** The whole path, or with `isPrefix` its beginning (which ends with a slash). */
  readonly path: string;
  readonly isPrefix?: boolean;
  readonly access: Access;
  /** Answered while the server refuses new work: what watches or ends it. */
  readonly whileDraining?: boolean;
  /** Counts as work that a shutdown waits for. False for streams that only end when somebody leaves. */
  readonly isWork?: boolean;
  serve(request: IncomingMessage, response: ServerResponse, target: Target): void | Promise<void>;
}

/** The request target, split. Nothing is decoded: a proxied path must leave as it came. */
interface Target {
  readonly path: string;
  /** With its "?", or empty. */
  readonly search: string;
  /** What follows a prefix route's path, with `search`, beginning with a slash. */
  readonly rest: string;
}

export type Match =
  | { readonly status: "found"; readonly route: Route; readonly target: Target }
  | { readonly status: "notAllowed"; readonly allow: string }
  | { readonly status: "notFound" };

/** The first route that fits path and method. */
export function matchRoute(routes: readonly Route[], method: string, url: string): Match {
  const { path, search } = splitTarget(url);
  const allowed: string[] = [];
  for (const route of routes) {
    const isHere = route.isPrefix ? path.startsWith(route.path) : path === route.path;
    if (!isHere) continue;
    if (
      route.method === undefined ||
      route.method === method ||
      (route.method === "GET" && method === "HEAD")
    ) {
      const rest = route.isPrefix ? path.slice(route.path.length - 1) + search : search;
      return { status: "found", route, target: { path, search, rest } };
    }
    allowed.push(route.method);
  }
  return allowed.length > 0 ? { status: "notAllowed", allow: allowed.join(", ") } : { status: "notFound" };
}

function splitTarget(url: string): { path: string; search: string } {
  const relative = url.replace(/^https?:\/\/[^/?#]*/i, "");
  const question = relative.indexOf("?");
  const path = question < 0 ? relative : relative.slice(0, question);
  return { path: path === "" ? "/" : path, search: question < 0 ? "" : relative.slice(question) };
}
