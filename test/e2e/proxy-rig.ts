import { createHash, randomUUID } from "node:crypto";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import type { Event } from "@sluice/sdk";
import { type Clock, systemClock } from "@sluice/sdk/internal";
import type { Intake } from "../../packages/sluice/src/sources/intake.ts";
import { createProxy, type ProxySource } from "../../packages/sluice/src/sources/proxy/proxy.ts";
import type { UpstreamOptions } from "../../packages/sluice/src/sources/proxy/upstream.ts";
import type { AppendOutcome, NewRecord } from "../../packages/sluice/src/spool/spool.ts";
import {
  openProviderServer,
  type ProviderServer,
} from "../../packages/sluice/src/testing/provider-server.ts";

/** A proxy between a provider that we script and clients that we write, with an intake that remembers. */
export interface ProxyRig {
  readonly provider: ProviderServer;
  readonly proxy: ProxySource;
  /** Base URL for SDKs: the proxy's mount with its version. */
  readonly baseUrl: string;
  readonly records: NewRecord[];
  readonly uncaptured: Record<string, number>;
  /** Client connections that the proxy's server holds. */
  readonly clientSockets: () => number;
  /** The captured events, once every call that has ended is written. */
  events(): Promise<Event[]>;
  /** The only `run.ended`. */
  ended(): Promise<Event>;
  /** An aborted signal does not wait for an intake that hangs. */
  close(signal?: AbortSignal): Promise<void>;
}

export interface RigOptions {
  readonly upstream?: Partial<UpstreamOptions>;
  readonly clock?: Clock;
  readonly derive?: (runId: string, name: string) => string;
  readonly append?: (records: readonly NewRecord[]) => Promise<readonly AppendOutcome[]>;
}

export async function openRig(options: RigOptions = {}): Promise<ProxyRig> {
  const provider = await openProviderServer();
  const records: NewRecord[] = [];
  const uncaptured: Record<string, number> = {};
  const remember = async (added: readonly NewRecord[]) => {
    records.push(...added);
    return added.map((_, index): AppendOutcome => ({ status: "appended", offset: index }));
  };
  const intake: Intake = { bootId: "boot-1", durability: "disk", append: options.append ?? remember };
  const proxy = createProxy({
    intake,
    clock: options.clock ?? systemClock,
    ids: { uuidv7: () => randomUUID(), derive: options.derive ?? ((runId, name) => `${runId}/${name}`) },
    upstreams: { openai: { baseUrl: provider.url, ...options.upstream } },
    onUncaptured: (reason, n) => {
      uncaptured[reason] = (uncaptured[reason] ?? 0) + n;
    },
  });
  let clientSockets = 0;
  const server = http.createServer((request, response) => {
    const [, name = "", rest = "/"] = /^\/([^/]*)(\/.*)?$/.exec(request.url ?? "/") ?? [];
    proxy(request, response, name, rest);
  });
  server.on("connection", (socket) => {
    clientSockets++;
    socket.on("close", () => clientSockets--);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/openai/v1`;

  const events = async () => {
    await until(() => proxy.active === 0);
    await proxy.settled();
    return records.map((record): Event => JSON.parse(Buffer.from(record.body).toString("utf8")));
  };
  return {
    provider,
    proxy,
    baseUrl,
    records,
    uncaptured,
    clientSockets: () => clientSockets,
    events,
    ended: async () => {
      const ended = (await events()).filter((event) => event.kind === "run.ended");
      if (ended.length !== 1 || ended[0] === undefined)
        throw new Error(`${ended.length} runs have ended, not 1`);
      return ended[0];
    },
    close: async (signal) => {
      await proxy.close(signal);
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await provider.close();
    },
  };
}

/** Resolves when the condition holds; it is looked at after each round of input and output. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** What a plain HTTP client received. */
interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;
  /** The message ended as HTTP says it should. */
  readonly isComplete: boolean;
}

export interface RawCall {
  readonly request: http.ClientRequest;
  readonly answer: Promise<RawAnswer>;
  /** Resolves when at least this many body bytes have come. */
  bytes(count: number): Promise<Buffer>;
  /** Resolves with the status when the headers have come. */
  readonly head: Promise<number>;
}

/** Posts with bare node:http, so that the bytes are looked at as they come. */
export function post(
  url: string,
  body: string | Buffer,
  headers: Record<string, string | number> = {},
  method = "POST",
): RawCall {
  const request = http.request(url, {
    method,
    agent: false,
    headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers },
  });
  const chunks: Buffer[] = [];
  let received = 0;
  const head = Promise.withResolvers<number>();
  const answer = new Promise<RawAnswer>((resolve, reject) => {
    request.on("error", (error) => {
      head.reject(error);
      reject(error);
    });
    request.on("response", (response) => {
      head.resolve(response.statusCode ?? 0);
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        received += chunk.length;
      });
      response.on("error", () => {});
      response.on("close", () => {
        const { statusCode = 0, headers: answered, rawHeaders, trailers, complete: isComplete } = response;
        const whole = Buffer.concat(chunks);
        resolve({ status: statusCode, headers: answered, rawHeaders, trailers, body: whole, isComplete });
      });
    });
  });
  head.promise.catch(() => {});
  answer.catch(() => {});
  request.end(body);
  const bytes = async (count: number) => {
    await until(() => received >= count);
    return Buffer.concat(chunks);
  };
  return { request, answer, bytes, head: head.promise };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
