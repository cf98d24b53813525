import { z } from "zod";
import type { HttpSend } from "../http-send.ts";
import type { Api } from "./api.ts";
import type { Settings } from "./options.ts";
import { readResults } from "./results.ts";

const health = z.looseObject({ version: z.string() });
/** The first version that knows the header, and takes everything over OTLP. */
const OTLP_VERSION = 4;

/**
 * An item that no server stores: it has neither a body nor a time. A v4 in `events_only` says that it takes
 * no such items at all, any other what is wrong with this one; and either knows the key first.
 */
const PROBE = '{"batch":[{"id":"sluice-check","type":"trace-create"}]}';
/** An export of nothing: the key is looked at, and nothing else happens. */
const EMPTY_EXPORT = '{"resourceSpans":[]}';

/** Reads the server's version, asks whether it takes what this mode sends, and shows it the key. */
export async function check(
  http: HttpSend,
  api: Api,
  mode: Settings["mode"],
  signal: AbortSignal,
): Promise<string | undefined> {
  const answer = await http.get(api.health, signal);
  if (answer.status !== "answered") return `Langfuse cannot be used: ${answer.reason}`;
  const version = versionIn(answer.body);
  if (version === undefined) return `This is not Langfuse: ${http.redact(answer.body).slice(0, 200)}`;
  return mode === "otlp" ? checkOtlp(http, api, version, signal) : checkIngestion(http, api, signal);
}

async function checkOtlp(http: HttpSend, api: Api, version: string, signal: AbortSignal) {
  if (Number.parseInt(version, 10) < OTLP_VERSION) {
    return `The server is Langfuse ${version}: this sink needs mode = "ingestion" there.`;
  }
  const headers = { "content-type": "application/json", "x-langfuse-ingestion-version": "4" };
  const answer = await http.post(EMPTY_EXPORT, signal, { path: api.otelTraces, headers });
  return answer.status === "answered" ? undefined : `Langfuse ${version} cannot be used: ${answer.reason}`;
}

async function checkIngestion(http: HttpSend, api: Api, signal: AbortSignal) {
  const answer = await http.post(PROBE, signal, { path: api.ingestion });
  if (answer.status !== "answered") return `Langfuse cannot be used: ${answer.reason}`;
  const results = readResults(answer.body, [], http.redact);
  return results.name === "read" ? undefined : results.reason;
}

function versionIn(body: string): string | undefined {
  try {
    return health.safeParse(JSON.parse(body)).data?.version.replace(/^v/, "");
  } catch {
    return undefined; // A page of somebody else's.
  }
}
