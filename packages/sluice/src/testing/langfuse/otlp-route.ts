import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Answer } from "../answer.ts";
import type { BackendRequest } from "../backend.ts";
import { ExportRefused, receivedSpans } from "./otlp-json.ts";
import { readSpan } from "./span-rules.ts";
import type { LangfuseStore } from "./store.ts";

const unzip = promisify(gunzip);
const INGESTION_VERSION_MAX = 4;

/** `POST /api/public/otel/v1/traces`: 200 with the job of a queue, or 400 for the whole export. */
export async function exportTraces(request: BackendRequest, store: LangfuseStore): Promise<Answer> {
  const { headers } = request;
  let body: Buffer = request.body;
  if (headers["content-encoding"]?.includes("gzip")) {
    const plain = await unzip(body).catch(() => undefined);
    if (!plain) return refused("Failed to decompress request body");
    body = plain;
  }
  const type = headers["content-type"]?.toLowerCase() ?? "";
  if (!type.includes("application/json")) return refused("Invalid content type");
  const json = parseJson(body);
  if (json === undefined) return refused("Failed to parse OTel JSON Trace");
  // Nothing to do is a success, whatever the other headers say.
  const given: unknown = Object(json).resourceSpans;
  if (!given || (Array.isArray(given) && given.length === 0)) return { body: {} };
  const version = headers["x-langfuse-ingestion-version"];
  const number = version === undefined ? 0 : Number.parseInt(String(version), 10);
  if (Number.isNaN(number) || number > INGESTION_VERSION_MAX) {
    return refused(`Unsupported x-langfuse-ingestion-version: "${version}". Maximum supported: "4".`);
  }
  return stored(json, store);
}

function stored(json: unknown, store: LangfuseStore): Answer {
  try {
    for (const span of receivedSpans(json)) {
      const { observation, trace } = readSpan(span);
      store.writeSpan(observation);
      if (observation.traceId !== undefined) store.writeTrace(observation.traceId, trace);
    }
  } catch (error) {
    if (error instanceof ExportRefused) return refused(error.message);
    throw error;
  }
  return { body: QUEUED };
}

/** What BullMQ says of a job. It is accepted then, and not stored yet. */
const QUEUED = {
  name: "otel-ingestion-job",
  data: { name: "otel-ingestion-job", payload: {} },
  id: "1",
  progress: 0,
  returnvalue: null,
  stacktrace: [],
};

function refused(error: string): Answer {
  return { status: 400, body: { error } };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined; // No JSON: that is the answer.
  }
}
