import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { CHALLENGE_HEADER, type Clock } from "@sluice/sdk/internal";
import type { Problem } from "../http/problem.ts";

/**
 * Who may talk to the server. Asked for every request, before its body is read and before its route runs.
 *
 * 1. Host: exactly one, and a name of ours. A page on the internet can point its own name at 127.0.0.1 (DNS
 *    rebinding), and then the browser sends that name here. An absolute request target must agree with it.
 * 2. Origin and Sec-Fetch-Site: a browser tells who sent it. Other sites are refused; programs send neither.
 * 3. Token: on loopback for the routes that show or change events, elsewhere for all. Compared in constant
 *    time; a caller who guesses is slowed down. Never in a URL, because URLs are logged.
 */
export interface Guard {
  /** Undefined lets the request in; `headers` go with the problem. */
  check(request: IncomingMessage, access: Access): Refusal | undefined;
}

/**
 * open: on loopback for everybody on this machine. token: only with the token, everywhere. challenge: as
 * open, and everywhere for a caller that asks for our proof: it sends no token before it has that.
 */
export type Access = "open" | "token" | "challenge";

interface Refusal {
  readonly problem: Problem;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface GuardOptions {
  /** Host values that are ours, lower case, each with its port; see `allowedHosts`. */
  readonly hosts: ReadonlySet<string>;
  readonly token: string;
  /** True when other machines can reach the server: then every route needs the token. */
  readonly isExposed: boolean;
  readonly clock: Clock;
}

/**
 * Where the token travels to the proxy, whose Authorization header is the provider's. Stripped before
 * anything is sent on.
 */
const TOKEN_HEADER = "x-sluice-token";

/** Query names that people put tokens under. */
const TOKEN_QUERY_NAMES = ["token", "access_token", TOKEN_HEADER];

export function createGuard(options: GuardOptions): Guard {
  const guesses = new GuessLimit(options.clock);
  const tokenHash = sha256(options.token);

  const checkToken = (request: IncomingMessage): Refusal | undefined => {
    const caller = request.socket.remoteAddress ?? "";
    if (guesses.isOver(caller)) {
      const problem = refuse(
        429,
        "too_many_failures",
        "Too many wrong tokens from this address. Wait a second.",
      );
      return { problem, headers: { "retry-after": "1" } };
    }
    const given = tokensOf(request);
    // Hashing first gives both sides one length, which the constant-time comparison needs.
    if (given.some((token) => timingSafeEqual(sha256(token), tokenHash))) return undefined;
    if (given.length > 0) guesses.count(caller);
    const detail =
      given.length > 0
        ? "The token is not the one of this daemon. It stands in daemon.json in the data directory."
        : `A token is needed: Authorization: Bearer TOKEN, or ${TOKEN_HEADER}. It stands in daemon.json in the data directory.`;
    return { problem: refuse(401, "unauthorized", detail), headers: { "www-authenticate": "Bearer" } };
  };

  return {
    check(request, access) {
      const byAddress = checkHost(request, options.hosts) ?? checkOrigin(request, options.hosts);
      if (byAddress) return { problem: byAddress };
      const inUrl = checkUrl(request, options.token);
      if (inUrl) return { problem: inUrl };
      if (access === "challenge" && headerValues(request, CHALLENGE_HEADER).length > 0) return undefined;
      return access === "token" || options.isExposed ? checkToken(request) : undefined;
    },
  };
}

/**
 * Every Host value that means this server: loopback, the configured host, and `more`; one without a port with
 * ours too.
 */
export function allowedHosts(host: string, port: number, more: readonly string[]): ReadonlySet<string> {
  const hosts = new Set<string>();
  for (const name of ["localhost", "127.0.0.1", "[::1]", host.includes(":") ? `[${host}]` : host]) {
    hosts.add(`${name.toLowerCase()}:${port}`);
    // Clients leave the port out when it is HTTP's own.
    if (port === 80) hosts.add(name.toLowerCase());
  }
  for (const name of more) {
    hosts.add(name.toLowerCase());
    if (!/:\d+$/.test(name)) hosts.add(`${name.toLowerCase()}:${port}`);
  }
  return hosts;
}

/** Removes our token from a request, so that nothing behind can send it on. */
export function stripToken(request: IncomingMessage): void {
  if (headerValues(request, TOKEN_HEADER).length === 0) return;
  // Both are made from the raw list on first use, by a count taken before: so first use comes first.
  delete request.headers[TOKEN_HEADER];
  delete request.headersDistinct[TOKEN_HEADER];
  const raw = request.rawHeaders;
  for (let index = raw.length - 2; index >= 0; index -= 2) {
    if (raw[index]?.toLowerCase() === TOKEN_HEADER) raw.splice(index, 2);
  }
}

function checkHost(request: IncomingMessage, hosts: ReadonlySet<string>): Problem | undefined {
  const given = headerValues(request, "host");
  if (given.length > 1) return refuse(400, "bad_host", "The request has more than one Host header.");
  const host = given[0]?.toLowerCase() ?? "";
  if (!hosts.has(host)) return refuse(421, "bad_host", hostAdvice);
  const target = request.url ?? "/";
  if (target.startsWith("/") || target === "*") return undefined;
  const authority = /^https?:\/\/([^/?#]*)/i.exec(target)?.[1]?.toLowerCase();
  return authority === host ? undefined : refuse(421, "bad_host", "The request target names another host.");
}

const hostAdvice =
  "This server is not called that. Use the address it listens on, or add the name to [server] hosts in sluice.toml.";

function checkOrigin(request: IncomingMessage, hosts: ReadonlySet<string>): Problem | undefined {
  for (const origin of headerValues(request, "origin")) {
    const host = /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]?.toLowerCase();
    if (host === undefined || !hosts.has(host)) {
      return refuse(403, "bad_origin", "Pages of other sites may not call this server.");
    }
  }
  const isForeign = headerValues(request, "sec-fetch-site").some(
    (site) => site !== "same-origin" && site !== "none",
  );
  return isForeign ? refuse(403, "bad_origin", "Pages of other sites may not call this server.") : undefined;
}

function checkUrl(request: IncomingMessage, token: string): Problem | undefined {
  const query = request.url?.split("?", 2)[1];
  if (query === undefined) return undefined;
  const parameters = new URLSearchParams(query);
  const isNamed = TOKEN_QUERY_NAMES.some((name) => parameters.has(name));
  const isValue = [...parameters.values()].includes(token);
  if (!isNamed && !isValue) return undefined;
  return refuse(
    400,
    "token_in_url",
    "A token does not belong in a URL, where it is logged. Send it in a header.",
  );
}

function tokensOf(request: IncomingMessage): string[] {
  const tokens = headerValues(request, TOKEN_HEADER);
  for (const value of headerValues(request, "authorization")) {
    const bearer = /^Bearer +(\S+)$/i.exec(value)?.[1];
    if (bearer !== undefined) tokens.push(bearer);
  }
  return tokens;
}

/**
 * From the raw list: Node joins or drops repeated headers, and a repetition is what an attacker would use.
 */
function headerValues(request: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]?.toLowerCase() === name)
      values.push((request.rawHeaders[index + 1] ?? "").trim());
  }
  return values;
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function refuse(status: number, code: string, detail: string): Problem {
  return { status, code, detail };
}

/** Ten a second are a script with an old token; more is guessing. */
const GUESSES_PER_SECOND_MAX = 10;
/**
 * Forgetting all when full lets a guesser with a thousand addresses begin anew: the token has 256 bits, so be
 * it.
 */
const CALLERS_MAX = 1_000;

class GuessLimit {
  readonly #clock: Clock;
  readonly #callers = new Map<string, { sinceMs: number; count: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isOver(caller: string): boolean {
    const entry = this.#callers.get(caller);
    return entry !== undefined && this.#isFresh(entry.sinceMs) && entry.count >= GUESSES_PER_SECOND_MAX;
  }

  count(caller: string): void {
    const entry = this.#callers.get(caller);
    if (entry && this.#isFresh(entry.sinceMs)) {
      entry.count++;
      return;
    }
    if (this.#callers.size >= CALLERS_MAX) this.#callers.clear();
    this.#callers.set(caller, { sinceMs: this.#clock.monotonicMs(), count: 1 });
  }

  #isFresh(sinceMs: number): boolean {
    return this.#clock.monotonicMs() - sinceMs < 1_000;
  }
}
