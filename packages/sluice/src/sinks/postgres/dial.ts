import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "@sluice/sdk/internal";
import { Unusable } from "./failure.ts";
import type { TlsMode } from "./options.ts";

/** Where the server is: what the library has made of URL, options and environment. */
export interface Address {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** Of a unix socket. */
  readonly path: string | false;
}

export interface DialOptions {
  readonly tls: TlsMode;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** The connections of one session: all of them can be ended at once. */
export interface Connections {
  /** Connected and, where that is asked for, with TLS. */
  dial(address: Address): Promise<Socket>;
  readonly areOpen: boolean;
  /** No more of them, and those that there are end now. */
  destroy(): void;
}

export function createConnections(options: DialOptions): Connections {
  const sockets = new Set<Socket>();
  let isOver = false;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // An error that nobody listens for ends the process; the library stops listening when it sees the end.
    socket.on("error", () => undefined);
    return Object.assign(socket, { removeAllListeners: () => socket });
  };
  return {
    async dial({ host: hosts, port: ports, path }) {
      let failure: unknown;
      for (const [index, host] of hosts.entries()) {
        if (isOver) break;
        const socket = keep(path ? connect(path) : connect(ports[index] ?? 0, host));
        const words = `no connection to ${host} in ${options.timeoutMs} ms`;
        const timer = options.clock.after(options.timeoutMs, () => socket.destroy(new Error(words)));
        try {
          await once(socket, "connect");
          return path || options.tls === "disable" ? socket : await secured(socket, host, options.tls, keep);
        } catch (error) {
          failure = error;
          socket.destroy();
        } finally {
          timer.cancel();
        }
      }
      throw failure ?? new Error("the connection is not needed any more");
    },
    get areOpen() {
      return sockets.size > 0 && [...sockets].every((socket) => socket.readyState === "open");
    },
    destroy() {
      isOver = true;
      // The newest first: what is wrapped in TLS ends after its wrapping.
      for (const socket of [...sockets].reverse()) socket.destroy();
    },
  };
}

/** "May I speak TLS?", and the letter that says yes. */
const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f);
const YES = "S".charCodeAt(0);

async function secured(
  socket: Socket,
  host: string,
  mode: TlsMode,
  keep: (socket: Socket) => Socket,
): Promise<Socket> {
  socket.write(SSL_REQUEST);
  const [answer] = await once(socket, "data");
  socket.pause();
  if (!Buffer.isBuffer(answer) || answer.length !== 1) throw new Error(`${host} does not speak PostgreSQL`);
  if (answer[0] !== YES) {
    if (mode === "prefer") return socket.resume();
    throw new Unusable(`${host} has no TLS, and tls is "${mode}"`);
  }
  const servername = isIP(host) === 0 ? host : "";
  const secure = connectTls({ socket, host, servername, rejectUnauthorized: mode === "verify-full" });
  keep(secure);
  await once(secure, "secureConnect");
  return secure;
}

/** The event's arguments; rejects if the socket ends before it. */
function once(socket: Socket, event: string): Promise<readonly unknown[]> {
  return new Promise((resolve, reject) => {
    socket.once(event, (...values) => resolve(values));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed")));
  });
}
