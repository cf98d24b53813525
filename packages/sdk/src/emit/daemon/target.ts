import { basename, join } from "node:path";
import type { Disk } from "../../system/disk.ts";
import type { HttpClient } from "../../system/http-client.ts";
import type { Random } from "../../system/random.ts";
import { CHALLENGE_HEADER, isProof, PROOF_HEADER, readDiscovery } from "./discovery.ts";

/** Where events are sent to. */
export interface Target {
  /** Undefined: no daemon is there now. Rejects with the signal's reason, or when nobody answers. */
  find(signal: AbortSignal): Promise<Place | undefined>;
  /** The place did not answer: look again before the next request. */
  lost(): void;
  /** For people: where a daemon is looked for. */
  readonly description: string;
}

interface Place {
  readonly url: string;
  readonly socketPath?: string;
  readonly token?: string;
}

/** Where a daemon listens that was told nothing else. */
const DEFAULT_URL = "http://127.0.0.1:4747";

/** Where a request goes that is sent through a socket: nobody looks the name up. */
const SOCKET_URL = "http://localhost";

/** A place that the application names. Throws a TypeError if it is none. */
export function fixedTarget(url: string, token: string | undefined): Target {
  const place = { ...placeOf(url), ...(token !== undefined && { token }) };
  return { find: async () => place, lost: () => {}, description: withoutPassword(url) };
}

function placeOf(url: string): Place {
  if (url.startsWith("unix:/")) return { url: SOCKET_URL, socketPath: url.slice("unix:".length) };
  const { protocol } = new URL(url);
  if (protocol === "http:" || protocol === "https:") return { url: url.replace(/\/+$/, "") };
  throw new TypeError(`The url of a daemon begins with http:, https: or unix:/, and not with ${protocol}`);
}

/** As a message may show it. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, "//");
}

/**
 * The daemon of a data directory. Its daemon.json may be old and the port another's by now, so whoever
 * answers there proves first that it knows the file's nonce; only then does it get events, and the token.
 * Without the file, the port that a daemon takes by itself.
 */
export function discoveredTarget(
  { disk, http, random }: { readonly disk: Disk; readonly http: HttpClient; readonly random: Random },
  dataDir: string,
  token: string | undefined,
): Target {
  let found: Place | undefined;
  const prove = async (place: Place, nonce: string, signal: AbortSignal): Promise<boolean> => {
    const challenge = Buffer.from(random.fill(new Uint8Array(16))).toString("hex");
    const headers = { [CHALLENGE_HEADER]: challenge };
    const request = { ...place, url: `${place.url}/livez`, method: "GET", headers } as const;
    const answer = await http.send(request, signal);
    return isProof(String(answer.headers[PROOF_HEADER] ?? ""), nonce, challenge);
  };
  return {
    async find(signal) {
      if (found) return found;
      // One that this user may not read is another user's daemon: ours, if any, has the usual port.
      const discovery = await readDiscovery(disk, dataDir).catch(() => undefined);
      if (!discovery) return { url: DEFAULT_URL };
      const { url, socket, nonce } = discovery;
      // The directory may have another path for the daemon, which may be in another container.
      const place =
        socket === undefined ? { url } : { url: SOCKET_URL, socketPath: join(dataDir, basename(socket)) };
      if (await prove(place, nonce, signal)) found = { ...place, token: token ?? discovery.token };
      return found;
    },
    lost() {
      found = undefined;
    },
    description: `${dataDir}/daemon.json, else ${DEFAULT_URL}`,
  };
}
