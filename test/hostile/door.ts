import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way in to a backend that is shut from the first knock on, for a while, and then open. */
export interface Door {
  readonly url: string;
  close(): Promise<void>;
}

export async function openDoor(backendUrl: string, shutMs: number): Promise<Door> {
  const { port, hostname: host } = new URL(backendUrl);
  const sockets = new Set<Socket>();
  let opensAtMs: number | undefined;

  function keep(socket: Socket): Socket {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // The other side tells what a reset did to it.
    return socket.on("error", () => undefined);
  }

  const server = createServer((guest) => {
    keep(guest);
    opensAtMs ??= performance.now() + shutMs;
    if (performance.now() < opensAtMs) return void guest.resetAndDestroy();
    const inside = keep(connect(Number(port), host));
    guest.pipe(inside).pipe(guest);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));

  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
