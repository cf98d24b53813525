import { randomBytes } from "node:crypto";
import {
  CHALLENGE_HEADER,
  codeOf,
  type Discovery,
  type Disk,
  isProof,
  PROOF_HEADER,
} from "@sluice/sdk/internal";
import { SluiceError } from "../errors.ts";
import { findDiscovery } from "./discovery.ts";
import type { DaemonStatus } from "./status.ts";

/** A running daemon, as the command line sees it. */
export interface DaemonClient {
  readonly discovery: Discovery;
  /**
   * A request with the token. Rejects with DAEMON_UNREACHABLE, and with DAEMON_REFUSED unless the answer is
   * 2xx.
   */
  request(method: string, path: string, options?: RequestOptions): Promise<Response>;
}

interface RequestOptions {
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Also returns answers that are not 2xx. */
  readonly takesAll?: boolean;
  readonly signal?: AbortSignal;
}

/** A daemon on this machine answers in milliseconds; one that syncs a slow disk may take a second. */
const ANSWER_MS = 10_000;

/**
 * The daemon of a data directory. A daemon.json alone proves nothing (its process may be gone and the port
 * another's), so whoever answers there must first prove that it knows the file's nonce; only then is the
 * token sent. Rejects with NOT_RUNNING when nobody does, and with DAEMON_UNREACHABLE when somebody is there
 * and stays silent.
 */
export async function connectDaemon(disk: Disk, dataDir: string): Promise<DaemonClient> {
  const discovery = await findDiscovery(disk, dataDir);
  if (!discovery) throw new SluiceError("NOT_RUNNING", { path: dataDir });
  if (!(await isOurs(discovery))) throw new SluiceError("NOT_RUNNING", { path: dataDir });
  return { discovery, request: (method, path, options) => send(discovery, method, path, options) };
}

/**
 * What it says of itself. Written by our own daemon, though perhaps of another version: read it with care for
 * what is not there.
 */
export async function statusOf(client: DaemonClient): Promise<DaemonStatus> {
  const status: DaemonStatus = JSON.parse(await (await client.request("GET", "/v1/status")).text());
  return status;
}

async function isOurs({ url, nonce, pid }: Discovery): Promise<boolean> {
  const challenge = randomBytes(16).toString("hex");
  try {
    const response = await fetch(`${url}/livez`, {
      headers: { [CHALLENGE_HEADER]: challenge },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    await response.arrayBuffer();
    return isProof(response.headers.get(PROOF_HEADER) ?? "", nonce, challenge);
  } catch (error) {
    if (isTimeout(error))
      throw new SluiceError("DAEMON_UNREACHABLE", { url, pid, cause: "no answer" }, error);
    // Refused or cut: nobody of ours is there.
    return false;
  }
}

async function send(
  { url, pid, token }: Discovery,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...options.headers },
      signal: options.signal ?? AbortSignal.timeout(ANSWER_MS),
      ...(options.body === undefined ? {} : { body: options.body }),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new SluiceError("DAEMON_UNREACHABLE", { url, pid, cause: causeOf(error) }, error);
  }
  if (response.ok || options.takesAll) return response;
  const detail = await problemOf(response);
  throw new SluiceError("DAEMON_REFUSED", { url, status: response.status, detail });
}

/** What a problem+json answer says to people. */
async function problemOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === "object" && problem !== null && "detail" in problem) return String(problem.detail);
  } catch {
    // Not of ours; the text is all there is.
  }
  return text.slice(0, 200);
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === "TimeoutError";
}

/** fetch hides the reason one level down. */
function causeOf(error: unknown): string {
  if (isTimeout(error)) return "no answer";
  const cause = error instanceof Error ? error.cause : undefined;
  return codeOf(cause) ?? (error instanceof Error ? error.message : String(error));
}
