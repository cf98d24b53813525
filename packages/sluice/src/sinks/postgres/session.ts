import type { Clock } from "@sluice/sdk/internal";
import type postgres from "postgres";
import { type Address, createConnections } from "./dial.ts";
import { Unusable } from "./failure.ts";
import { type Settings, tlsModeOf } from "./options.ts";

/** The `postgres` package, which only those need who have this sink. */
export type Driver = typeof postgres;

export async function loadDriver(load = () => import("postgres")): Promise<Driver> {
  try {
    return (await load()).default;
  } catch (cause) {
    throw new Unusable(
      "the postgres sink needs the package postgres beside sluice: npm install postgres@3.4.9",
      {
        cause,
      },
    );
  }
}

/** One connection, made when it is first used. */
export interface Session {
  /** One statement, and so one transaction. */
  run(
    statement: string,
    parameters?: readonly string[],
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Is there a connection, and nothing wrong with it? */
  readonly isAlive: boolean;
  /** Asks the server to stop what it is doing for this session. It may be done already. Never rejects. */
  cancel(): Promise<void>;
  /** Tears the connection down at once; what runs fails. */
  destroy(): void;
}

const MS_PER_SECOND = 1_000;

/**
 * A session has the library for its protocol, and connections of our own, so that it can be ended at once:
 * the library half-closes its own, and then waits for a server that may never answer. After any failure but a
 * plain answer of the server a session is not used again: the library does not find back from all of them.
 */
export function openSession(driver: Driver, settings: Settings, clock: Clock): Session {
  const { url, host, port, database, user, password } = settings;
  const connections = createConnections({
    tls: tlsModeOf(settings),
    timeoutMs: settings.connect_timeout_ms,
    clock,
  });
  let server: Address | undefined;
  const places = {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(database !== undefined && { database }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    // Its sockets come with TLS.
    ssl: false as const,
  };
  const choices = {
    ...places,
    max: 1,
    // Named statements do not live in a pooler's transactions, and one a batch saves nothing.
    prepare: false,
    fetch_types: false,
    connect_timeout: settings.connect_timeout_ms / MS_PER_SECOND,
    backoff: () => 0,
    connection: { application_name: "sluice" },
    onnotice: () => undefined,
    socket(address: Address) {
      server = address;
      return connections.dial(address);
    },
  };
  const sql = clientOf(() => (url === undefined ? driver(choices) : driver(url, choices)));
  let running: Running | undefined;

  return {
    async run(statement, parameters = []) {
      const query = sql.unsafe(statement, [...parameters]);
      // Its key is nowhere in the library's types: its own cancel() is, and drops the error that it may meet.
      running = query as unknown as Running;
      return await query;
    },
    get isAlive() {
      return connections.areOpen;
    },
    async cancel() {
      const key = running?.state;
      if (!key?.pid || !key.secret || !server) return;
      try {
        const socket = await connections.dial(server);
        const closed = new Promise((resolve) => socket.once("close", resolve));
        socket.resume().end(cancelRequest(key.pid, key.secret));
        await closed;
      } catch {
        // Who cannot be reached to be told to stop is cut off, which comes next.
      }
    },
    destroy() {
      connections.destroy();
      void sql.end({ timeout: 0 });
    },
  };
}

/** The library reads the URL at once, and its words do not say what they are about. */
function clientOf(create: () => postgres.Sql): postgres.Sql {
  try {
    return create();
  } catch (cause) {
    throw new Unusable(`its url cannot be read (${cause instanceof Error ? cause.message : cause})`, {
      cause,
    });
  }
}

/** A query of the library, as far as a cancellation needs it: the key of the connection that it runs on. */
interface Running {
  readonly state?: { readonly pid: number | null; readonly secret: number | null } | null;
}

/** PostgreSQL's CancelRequest: 16 bytes, on a connection of its own, before any password. */
function cancelRequest(pid: number, secret: number): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(16, 0);
  bytes.writeUInt32BE(80_877_102, 4);
  bytes.writeUInt32BE(pid, 8);
  bytes.writeUInt32BE(secret, 12);
  return bytes;
}
