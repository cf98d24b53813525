import { type LookupAddress, promises } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Clock } from "@sluice/sdk/internal";

/** All addresses of a host, at least one; rejects with the error of `dns.lookup`. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** A resolver that hangs is as good as none: the attempt fails, and is tried again. */
const LOOKUP_TIMEOUT_MS = 5_000;

/**
 * How a sink finds the address of its backend, for connections to be made with. Nothing is remembered: every
 * new connection asks anew, so a name that has moved is followed. Connections that are made together share
 * one question, and one that hangs is not asked again while it does: the system has few threads for them,
 * and other sinks need those.
 */
export function createLookup(clock: Clock, resolve: Resolve): LookupFunction {
  const asked = new Map<string, Promise<readonly LookupAddress[]>>();

  function ask(hostname: string): Promise<readonly LookupAddress[]> {
    const underWay = asked.get(hostname);
    if (underWay) return underWay;
    const question = resolve(hostname).finally(() => asked.delete(hostname));
    asked.set(hostname, question);
    return question;
  }

  return (hostname, options, callback) => {
    const late = Promise.withResolvers<never>();
    const timer = clock.after(LOOKUP_TIMEOUT_MS, () => late.reject(noAnswer(hostname)));
    Promise.race([ask(hostname), late.promise])
      .finally(() => timer.cancel())
      .then(
        (addresses) => {
          const [first] = addresses;
          if (options.all || !first) callback(null, [...addresses]);
          else callback(null, first.address, first.family);
        },
        (error: NodeJS.ErrnoException) => callback(error, ""),
      );
  };
}

export const systemResolve: Resolve = (hostname) => promises.lookup(hostname, { all: true });

function noAnswer(hostname: string): NodeJS.ErrnoException {
  const words = `no address for ${hostname} within ${LOOKUP_TIMEOUT_MS / 1_000} s`;
  return Object.assign(new Error(words), { code: "EAI_AGAIN" });
}
