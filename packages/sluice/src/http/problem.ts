import type { ServerResponse } from "node:http";

/**
 * RFC 9457. `code` is stable and for programs; `detail` is for people and never repeats a payload, a header
 * or a secret.
 */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Where in the request: a field's path, an item's index. */
  readonly field?: string;
  readonly index?: number;
}

export function sendProblem(
  response: ServerResponse,
  problem: Problem & { readonly items?: readonly unknown[] },
  headers: Readonly<Record<string, string>> = {},
): void {
  const { status, code, ...rest } = problem;
  const body = JSON.stringify({ type: `urn:sluice:${code}`, title: code, status, code, ...rest });
  response.writeHead(status, {
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}
