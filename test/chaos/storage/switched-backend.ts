import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A Lunary that is down (503) until it is mended, and keeps nothing of what it gets but numbers: the battery
 * sends it gigabytes.
 */
export interface SwitchedBackend {
  readonly url: string;
  /** Requests that arrived whole, ever. */
  readonly requests: number;
  /** When each request arrived (performance.now), since it was mended or broken last. */
  readonly timesMs: readonly number[];
  mend(): void;
  break(): void;
  close(): Promise<void>;
}

export async function openSwitchedBackend(): Promise<SwitchedBackend> {
  let isWell = false;
  let requests = 0;
  let timesMs: number[] = [];
  const turn = (well: boolean) => {
    isWell = well;
    timesMs = [];
  };
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    // A daemon that was killed in the middle sent nothing.
    if (body === undefined) return;
    requests++;
    timesMs.push(performance.now());
    answer(response, isWell ? body : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    get timesMs() {
      return timesMs;
    },
    mend: () => turn(true),
    break: () => turn(false),
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function answer(response: ServerResponse, body: string | undefined): void {
  if (body === undefined) response.writeHead(503).end();
  else {
    const { events }: { events: readonly { runId: string }[] } = JSON.parse(body);
    const results = events.map(({ runId }) => ({ id: runId, success: true }));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ results }));
  }
}
