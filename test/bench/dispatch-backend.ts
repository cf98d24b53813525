import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { arrivals } from "./dispatch-events.ts";

/** Answers like the backend of the path, and tells its parent what has arrived since it was last asked. */
export function serve(): void {
  const { look, take } = arrivals();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const sent = Buffer.concat(chunks);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      look(body);
      const { status, type, text } = answerTo(request.url ?? "", body);
      response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
      response.end(text);
    });
  });
  process.on("message", () => process.send?.(take()));
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
}

interface BenchAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const JSON_TYPE = "application/json";

/** What a backend says that has taken everything. */
function answerTo(path: string, body: Buffer): BenchAnswer {
  switch (path) {
    case "/v1/runs/ingest": {
      const events: readonly { readonly runId: string }[] = JSON.parse(body.toString()).events;
      const results = events.map(({ runId }) => ({ id: runId, success: true }));
      return { status: 200, type: JSON_TYPE, text: JSON.stringify({ results }) };
    }
    case "/api/public/ingestion": {
      const batch: readonly { readonly id: string }[] = JSON.parse(body.toString()).batch;
      const successes = batch.map(({ id }) => ({ id, status: 201 }));
      return { status: 207, type: JSON_TYPE, text: JSON.stringify({ successes, errors: [] }) };
    }
    case "/v1/traces":
      return { status: 200, type: "application/x-protobuf", text: "" };
    default:
      return { status: 200, type: JSON_TYPE, text: "{}" };
  }
}
