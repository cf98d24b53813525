import { type AddressInfo, createServer, type Socket } from "node:net";

/** A server that closes connections soon after they have become idle, as load balancers do. */
export interface HastyServer {
  readonly url: string;
  /** Requests that it has answered. */
  readonly answered: number;
  /** Connections that it has closed because nothing came. */
  readonly closed: number;
  close(): Promise<void>;
}

const ANSWER = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/**
 * Says nothing of when it closes, and does it after `idleMs()`. A body is expected to be one packet that ends
 * with "}": a real parser would only be in the way.
 */
export async function openHastyServer(idleMs: () => number): Promise<HastyServer> {
  const sockets = new Set<Socket>();
  let answered = 0;
  let closed = 0;
  const server = createServer((socket) => {
    let text = "";
    sockets.add(socket);
    // A reset is what this is about.
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      socket.setTimeout(0);
      text += chunk;
      if (!text.endsWith("}")) return;
      text = "";
      answered++;
      socket.write(ANSWER);
      socket.setTimeout(idleMs());
    });
    socket.on("timeout", () => {
      closed++;
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    get answered() {
      return answered;
    },
    get closed() {
      return closed;
    },
    close() {
      const gone = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      return gone;
    },
  };
}
