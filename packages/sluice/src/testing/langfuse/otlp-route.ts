import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Answer } from "../answer.ts";
import type { BackendRequest } from "../backend.ts";
import { Malformed } from "../otlp/malformed.ts";
import { readRequest } from "../otlp/read-request.ts";
import { readSpan } from "./span-rules.ts";
import type { LangfuseStore } from "./store.ts";

const unzip = promisify(gunzip);
const INGESTION_VERSION_MAX = 4;

/**
 * `POST /api/public/otel/v1/traces`: 200 with the job of a queue, or 400 for the whole export. There is no
 * partial success.
 */
export async function exportTraces(request: BackendRequest, store: LangfuseStore): Promise<Answer> {
  const { headers } = request;
  let body: Buffer = request.body;
  if (headers["content-encoding"]?.includes("gzip")) {
    const plain = await unzip(body).catch(() => undefined);
    if (!plain) return refused("Failed to decompress request body");
    body = plain;
  }
  const encoding = encodingOf(headers["content-type"]);
  if (!encoding) return refused("Invalid content type");
  try {
    const spans = readRequest(body, encoding);
    // Nothing to do is a success, whatever the other headers say.
    if (spans.length === 0) return { body: {} };
    const version = headers["x-langfuse-ingestion-version"];
    const number = version === undefined ? 0 : Number.parseInt(String(version), 10);
    if (Number.isNaN(number) || number > INGESTION_VERSION_MAX) {
      return refused(`Unsupported x-langfuse-ingestion-version: "${version}". Maximum supported: "4".`);
    }
    for (const { observation, trace } of spans.map(readSpan)) {
      store.writeSpan(observation);
      if (observation.traceId !== undefined) store.writeTrace(observation.traceId, trace);
    }
    return { body: QUEUED };
  } catch (error) {
    if (error instanceof Malformed) return refused(error.message);
    throw error;
  }
}

function encodingOf(contentType: string | undefined): "protobuf" | "json" | undefined {
  const type = contentType?.toLowerCase() ?? "";
  if (type.includes("application/x-protobuf")) return "protobuf";
  return type.includes("application/json") ? "json" : undefined;
}

/** What BullMQ says of a job, also for protobuf. The spans are accepted then, and not stored yet. */
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
