import * as http from "node:http";
import * as https from "node:https";

/** HTTP as the SDK speaks it: one request, one answer, both of modest size. */
export interface HttpClient {
  /**
   * Resolves with whatever was answered. Rejects with Node's error (ECONNREFUSED …), when the answer is
   * larger than 8 MiB, or with the signal's reason. Does not keep the process alive.
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  /** Cuts every connection. */
  close(): void;
}

export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** http: or https:. */
  readonly url: string;
  /** A unix socket to send it through, instead of to the host that `url` names. */
  readonly socketPath?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name; of a header that came twice, Node's choice. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** The longest honest answer tells 10,000 items one by one. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
/** A sender has one request on its way; the second connection is for the moment in which they overlap. */
const SOCKETS_MAX = 2;

export function createHttpClient(): HttpClient {
  const plain = new http.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  const secure = new https.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  return {
    send({ method, url, socketPath, headers, body = new Uint8Array(0) }, signal) {
      const isSecure = url.startsWith("https:");
      const { request } = isSecure ? https : http;
      const agent = isSecure ? secure : plain;
      return new Promise((resolve, reject) => {
        const outgoing = request(url, {
          method,
          agent,
          headers: { ...headers, "content-length": body.length },
          signal,
          ...(socketPath !== undefined && { socketPath }),
        });
        outgoing.on("socket", (socket) => socket.unref());
        outgoing.on("error", reject);
        outgoing.on("response", (incoming) => collect(incoming).then(resolve, reject));
        outgoing.end(body);
      });
    },
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

async function collect(incoming: http.IncomingMessage): Promise<HttpAnswer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of incoming) {
    sizeBytes += chunk.length;
    // Leaving the loop destroys the connection.
    if (sizeBytes > ANSWER_BYTES_MAX) throw new Error(`the answer is larger than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString("utf8");
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body };
}
