import type { Json, JsonObject, RunRequest } from "../../event/event.ts";
import { openai } from "../../providers/openai/openai.ts";
import { readRequest, readRequestText } from "../../providers/openai/request.ts";
import type { Operation } from "../../providers/provider.ts";
import { SIDE_CHARS_MAX } from "./answer.ts";

/** A request that makes a run, as it was sent. */
export interface SentRequest {
  readonly operation: Operation;
  readonly method: string;
  /** Without its query, in which some servers take keys. */
  readonly path: string;
  readonly request: RunRequest;
  /** The full size of a request that was longer than what is kept. */
  readonly truncatedBytes?: number;
  /** What must not be found in anything that is emitted. */
  readonly secrets: readonly string[];
}

/** Which headers carry keys; some providers repeat them in their errors. */
const KEY_HEADERS = ["authorization", "api-key", "x-api-key"];
/** Shorter values would be found by chance. */
const SECRET_CHARS_MIN = 8;

/** Reads what is given to `fetch`; undefined for a request that is no run: a list, a file, a setting. */
export function sentRequest(input: unknown, init: RequestInit | undefined): SentRequest | undefined {
  const method = (init?.method ?? "GET").toUpperCase();
  if (method !== "POST") return undefined;
  const url = input instanceof Request ? input.url : String(input);
  const operation = openai.operation(url);
  if (operation === undefined) return undefined;
  const text = textOf(init?.body);
  const path = new URL(url).pathname;
  const secrets = secretsOf(init?.headers);
  if (text === undefined) return { operation, method, path, request: {}, secrets };
  if (text.length <= SIDE_CHARS_MAX) {
    return { operation, method, path, request: requestOf(operation, text), secrets };
  }
  const { json } = readRequestText(operation, text.slice(0, SIDE_CHARS_MAX), true);
  const truncatedBytes = Buffer.byteLength(text);
  return { operation, method, path, request: JSON.parse(json), truncatedBytes, secrets };
}

/** The request of a call that was never sent, as the application gave it to the client. */
export function unsentRequest(options: unknown): SentRequest | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const { method, path, body } = options as { readonly [name: string]: unknown };
  const operation = typeof path === "string" && method === "post" ? openai.operation(path) : undefined;
  if (operation === undefined || typeof path !== "string") return undefined;
  const request = isObject(body) ? readRequest(operation, body) : {};
  return { operation, method: "POST", path, request, secrets: [] };
}

function requestOf(operation: Operation, text: string): RunRequest {
  let body: Json;
  try {
    body = JSON.parse(text);
  } catch {
    // The application sends what it likes; that is its input then.
    return { input: text };
  }
  return isObject(body) ? readRequest(operation, body) : { input: text };
}

/** Clients send text; an application that makes its own request may send bytes. What streams is not read. */
function textOf(body: unknown): string | undefined {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? Buffer.from(body).toString("utf8") : undefined;
}

function secretsOf(given: RequestInit["headers"]): readonly string[] {
  const headers = given instanceof Headers ? given : new Headers(given);
  return KEY_HEADERS.flatMap((name) => {
    const secret = headers.get(name)?.replace(/^(Bearer|Basic)\s+/i, "") ?? "";
    return secret.length >= SECRET_CHARS_MIN ? [secret] : [];
  });
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
