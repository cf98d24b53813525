import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * What a relay does to the next connection that says something. "hang": it takes everything, and passes
 * nothing on in either direction. "reset": it tears the connection down, and the server has heard nothing.
 * "resetAfterStatus": the server has heard all of it, and its answer breaks off in the middle. "loseAnswer":
 * the server has heard all of it and has answered, and the connection is torn down before the answer.
 *
 * With `at`, everything passes until the server says these words, which are lost: then the connection hangs,
 * or is torn down. So it can be said which of a conversation's answers goes missing.
 */
export type RelayStep =
  | "hang"
  | "reset"
  | "resetAfterStatus"
  | "loseAnswer"
  | { readonly at: string; readonly fate: "hang" | "reset" };

/** A port in front of a real server, so that its wire can fail while the server does not. */
export interface Relay {
  readonly port: number;
  /** What clients have sent, piece by piece. */
  readonly requests: readonly Buffer[];
  /** Connections of clients that are open now. */
  readonly connections: number;
  /** Adds steps; each is for what a client sends next. */
  script(...steps: readonly RelayStep[]): void;
  /** Takes back the steps that nobody has met yet. */
  unscript(): void;
  /** Resolves when so many pieces have arrived, ever. */
  received(count: number): Promise<void>;
  /** Tears down every connection that is open now. */
  cut(): void;
  close(): Promise<void>;
}

export async function startRelay(host: string, port: number): Promise<Relay> {
  const steps: RelayStep[] = [];
  const requests: Buffer[] = [];
  const clients = new Set<Socket>();
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void }>();

  const listener = createServer((client) => {
    const server = connect(port, host);
    let step: RelayStep | undefined;
    let isMute = false;
    clients.add(client);
    client.on("close", () => {
      clients.delete(client);
      server.destroy();
    });
    server.on("close", () => client.destroy());
    // What fails on one side is told to the other by the end of its connection.
    client.on("error", () => undefined);
    server.on("error", () => undefined);
    client.on("data", (bytes: Buffer) => {
      step ??= steps.shift();
      requests.push(bytes);
      for (const each of waiting) if (requests.length >= each.count) each.resolve();
      if (step === "hang") return;
      if (step === "reset") client.resetAndDestroy();
      else server.write(bytes);
    });
    server.on("data", (bytes: Buffer) => {
      if (isMute) return;
      if (step === undefined) client.write(bytes);
      else if (step === "loseAnswer") client.resetAndDestroy();
      else if (step === "resetAfterStatus") {
        client.write(bytes.subarray(0, bytes.length >> 1), () => client.resetAndDestroy());
      } else if (typeof step === "object") {
        if (!bytes.includes(step.at)) client.write(bytes);
        else if (step.fate === "reset") client.resetAndDestroy();
        else isMute = true;
      }
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));

  return {
    port: (listener.address() as AddressInfo).port,
    requests,
    get connections() {
      return clients.size;
    },
    script: (...added) => void steps.push(...added),
    unscript: () => void steps.splice(0),
    received(count) {
      if (requests.length >= count) return Promise.resolve();
      return new Promise((resolve) => waiting.add({ count, resolve }));
    },
    cut() {
      for (const client of clients) client.resetAndDestroy();
    },
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve));
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}
