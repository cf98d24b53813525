import type { ServerResponse } from "node:http";

/** Answers with a text and a line break behind it. Nothing of what we answer may be cached. */
export function sendText(response: ServerResponse, status: number, text: string, type = "text/plain"): void {
  response.writeHead(status, {
    "content-type": `${type}; charset=utf-8`,
    "content-length": Buffer.byteLength(text) + 1,
    "cache-control": "no-store",
  });
  response.end(`${text}\n`);
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, status, JSON.stringify(body), "application/json");
}
