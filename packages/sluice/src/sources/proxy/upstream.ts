import * as http from "node:http";
import * as https from "node:https";
import { openai, type Provider } from "@sluice/sdk/internal";

export interface UpstreamOptions {
  /**
   * Where the provider is. What follows the mount is appended: `/openai/v1/models` goes to
   * `<baseUrl>/v1/models`.
   */
  readonly baseUrl: string;
  /** How long a call may stand still, in either direction, before or in the answer. */
  readonly timeoutMs?: number;
  /** How long it may take until there is a connection. */
  readonly connectTimeoutMs?: number;
  /** Asks streams for their usage, and takes that chunk out again on the way to the client. */
  readonly injectUsage?: boolean;
  /** The wire format spoken there. */
  readonly provider?: Provider;
}

/**
 * What the openai package waits by default; a reasoning model may think for minutes before its first byte.
 */
const TIMEOUT_MS = 600_000;
/** A host that takes longer to accept a connection is down. */
const CONNECT_TIMEOUT_MS = 30_000;
/** Idle connections kept for the next call. More would be a burst that is over. */
const FREE_SOCKETS_MAX = 256;

/** One provider's server, with connections of its own that are kept alive. */
export class Upstream {
  readonly name: string;
  readonly provider: Provider;
  readonly host: string;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly injectsUsage: boolean;
  readonly #basePath: string;
  readonly #connection: http.RequestOptions;
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;

  /** Throws when the URL is none, or neither http nor https. */
  constructor(name: string, options: UpstreamOptions) {
    const url = new URL(options.baseUrl);
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      throw new Error(`The upstream of "${name}" must be an http or https URL, and is ${options.baseUrl}.`);
    }
    const isSecure = url.protocol === "https:";
    this.name = name;
    this.provider = options.provider ?? openai;
    this.host = url.host;
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    this.injectsUsage = options.injectUsage ?? false;
    this.#basePath = url.pathname.replace(/\/$/, "");
    this.#request = isSecure ? https.request : http.request;
    const agentOptions = { keepAlive: true, maxFreeSockets: FREE_SOCKETS_MAX };
    this.#agent = isSecure ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
    // An agent names the pool of a request by all of its options; here there is one pool. Over TLS the name
    // is also that of the session.
    if (!isSecure) this.#agent.getName = () => this.host;
    // Brackets belong to an IPv6 address in a URL, not to the address.
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    this.#connection = { hostname, port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port) };
  }

  /** A base URL that ends in the version, as the SDKs spell theirs, means the same as one without it. */
  path(rest: string): string {
    const base = this.#basePath.endsWith("/v1") && /^\/v1(\/|$|\?)/.test(rest);
    return (base ? this.#basePath.slice(0, -"/v1".length) : this.#basePath) + rest;
  }

  /** Opens a request; its headers are a flat list and complete. */
  request(method: string, path: string, headers: readonly string[]): http.ClientRequest {
    return this.#request({ ...this.#connection, agent: this.#agent, method, path, headers });
  }

  /** Connections that are open now, in use or idle. */
  get sockets(): number {
    const count = (lists: NodeJS.ReadOnlyDict<readonly unknown[]>) =>
      Object.values(lists).reduce((sum, list) => sum + (list?.length ?? 0), 0);
    return count(this.#agent.sockets) + count(this.#agent.freeSockets);
  }

  close(): void {
    this.#agent.destroy();
  }
}
