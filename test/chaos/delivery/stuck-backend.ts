import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createNetServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";

/** "reads nothing": it accepts connections, and that is all. "ends no answer": a status, and no more. */
export type Stuck = "not at all" | "reads nothing" | "ends no answer";

/** A Lunary that is stuck until it is freed, and keeps the ids of the runs that it took. */
export interface StuckBackend {
  readonly url: string;
  readonly taken: ReadonlySet<string>;
  /** Connections that were made, ever. */
  readonly connections: number;
  free(): void;
  close(): Promise<void>;
}

export async function openStuckBackend(how: Stuck): Promise<StuckBackend> {
  const taken = new Set<string>();
  const sockets = new Set<Socket>();
  let connections = 0;
  let stuck = how;

  const server = createServer(async (request, response) => {
    // A daemon that is gone in the middle sent nothing.
    const body = await text(request).catch(() => undefined);
    if (body === undefined) return;
    if (stuck === "ends no answer") response.writeHead(200, JSON_TYPE).flushHeaders();
    else answer(response, body, taken);
  });
  const door = createNetServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    if (stuck === "reads nothing") socket.pause();
    else server.emit("connection", socket);
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
    taken,
    get connections() {
      return connections;
    },
    free() {
      stuck = "not at all";
    },
    async close() {
      const closed = new Promise((resolve) => door.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

const JSON_TYPE = { "content-type": "application/json" };

function answer(response: ServerResponse, body: string, taken: Set<string>): void {
  const { events }: { events: readonly { readonly runId: string }[] } = JSON.parse(body);
  for (const { runId } of events) taken.add(runId);
  const results = events.map(({ runId }) => ({ id: runId, success: true }));
  response.writeHead(200, JSON_TYPE).end(JSON.stringify({ results }));
}
