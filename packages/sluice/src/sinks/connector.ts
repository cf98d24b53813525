import type { Clock } from "@sluice/sdk/internal";
import { buildConnector } from "undici";
import { type AddressGuard, AddressRefused } from "./addresses.ts";
import { createLookup, type Resolve, systemResolve } from "./lookup.ts";

export interface ConnectorOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Default: the system's. */
  readonly resolve?: Resolve | undefined;
  /** Default: every address may be connected to. */
  readonly guard?: AddressGuard | undefined;
  /** Ends connections, also while they are made. */
  readonly signal?: AbortSignal;
}

/**
 * Makes the connections of a sink. The guard sees the very addresses that are dialled, at every new
 * connection: a name that pointed elsewhere when it was checked gains nothing, nor does an address in the
 * URL, which is dialled without being looked up.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const { clock, timeoutMs, resolve = systemResolve, guard, signal } = options;
  const lookup = createLookup(clock, guard ? guarded(resolve, guard) : resolve);
  const connect = buildConnector({ timeout: timeoutMs, lookup, ...(signal && { signal }) });
  return (target, callback) => {
    const why = guard?.(target.hostname);
    if (why === undefined) return connect(target, callback);
    queueMicrotask(() => callback(new AddressRefused(target.hostname, target.hostname, why), null));
  };
}

/** A name's addresses without those that are refused; it rejects where none is left. */
function guarded(resolve: Resolve, guard: AddressGuard): Resolve {
  return async (hostname) => {
    const addresses = await resolve(hostname);
    const judged = addresses.map((each) => ({ each, why: guard(each.address) }));
    const [refused] = judged.filter(({ why }) => why !== undefined);
    const allowed = judged.filter(({ why }) => why === undefined).map(({ each }) => each);
    if (allowed.length > 0 || refused?.why === undefined) return allowed;
    throw new AddressRefused(hostname, refused.each.address, refused.why);
  };
}

/**
 * Connects to where a URL points and hangs up without a word; rejects as a request would, and at once when
 * the signal aborts.
 */
export function tryConnection(url: string, options: ConnectorOptions): Promise<void> {
  const connect = createConnector(options);
  const { protocol, host, hostname, port } = new URL(url);
  const target = { protocol, host, port, hostname: hostname.replace(/^\[(.*)\]$/, "$1") };
  return new Promise((resolve, reject) =>
    connect(target, (error, socket) => {
      socket?.destroy();
      if (error) reject(error);
      else resolve();
    }),
  );
}
