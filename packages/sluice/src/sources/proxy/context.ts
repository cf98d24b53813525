/**
 * What a client says about its call in headers, all optional, none sent on to the provider:
 *
 *     x-sluice-user: id of the user it is for              → scope
 *     x-sluice-session: id                                 → session.id
 *     x-sluice-tags: one, two                              → tags
 *     x-sluice-run: id for this run                        → runId (an SDK's retry gets one derived from it)
 *     x-sluice-parent: run id of what called it            → parentRunId
 *     x-sluice-trace: id of the whole                      → traceId (else the trace id of `traceparent`)
 *     x-sluice-metadata: {"any": "JSON object"}            → metadata
 *
 * Values are percent-decoded where that is possible, since a header holds no other way to say "ü". What is
 * malformed is left out: a label is never a reason to fail or lose a call.
 */
export interface CallContext {
  readonly runId?: string;
  readonly traceId?: string;
  /** JSON text of the envelope's members, with a comma before each. */
  readonly json: string;
  /** How often this call was made, counted from 1, where the SDK says it. */
  readonly attempt?: number;
  /** What must not be found in anything that is stored. */
  readonly secrets: readonly string[];
}

/** Ids are any 1 to 200 printable characters. */
const ID = /^[^\p{C}]{1,200}$/u;
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;
const TAGS_MAX = 64;
/**
 * Headers that carry keys. Their values are looked for in what is stored, in case a provider repeats one in
 * an error.
 */
const KEY_HEADERS = new Set(["authorization", "api-key", "x-api-key", "proxy-authorization", "cookie"]);
/** Shorter values would be found by chance. */
const SECRET_CHARS_MIN = 8;

/** Reads the raw header list of a request. */
export function contextOf(raw: readonly string[]): CallContext {
  const said: Said = {};
  const secrets: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    const value = raw[index + 1] ?? "";
    if (name.startsWith("x-sluice-") || name === "traceparent" || name === "x-stainless-retry-count") {
      said[name] ??= value;
    } else if (KEY_HEADERS.has(name)) {
      const secret = value.replace(/^(Bearer|Basic)\s+/i, "");
      if (secret.length >= SECRET_CHARS_MIN) secrets.push(secret);
    }
  }
  const runId = idOf(said["x-sluice-run"]);
  const traceId = idOf(said["x-sluice-trace"]) ?? traceOf(said.traceparent);
  const retries = said["x-stainless-retry-count"] ?? "";
  return {
    json: envelopeJson(said, traceId),
    secrets,
    ...(runId !== undefined && { runId }),
    ...(traceId !== undefined && { traceId }),
    ...(/^\d{1,4}$/.test(retries) && { attempt: Number(retries) + 1 }),
  };
}

type Said = Record<string, string | undefined>;

function envelopeJson(said: Said, traceId: string | undefined): string {
  const parentRunId = idOf(said["x-sluice-parent"]);
  const user = idOf(said["x-sluice-user"]);
  const session = idOf(said["x-sluice-session"]);
  const tags = tagsOf(said["x-sluice-tags"]);
  const metadata = metadataOf(said["x-sluice-metadata"]);
  let json = "";
  if (user !== undefined) json += `,"scope":{"kind":"user","id":${JSON.stringify(user)}}`;
  if (parentRunId !== undefined) json += `,"parentRunId":${JSON.stringify(parentRunId)}`;
  if (traceId !== undefined) json += `,"traceId":${JSON.stringify(traceId)}`;
  if (session !== undefined) json += `,"session":{"id":${JSON.stringify(session)}}`;
  if (tags.length > 0) json += `,"tags":${JSON.stringify(tags)}`;
  if (metadata !== undefined) json += `,"metadata":${metadata}`;
  return json;
}

function textOf(value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    // No percent encoding after all: the value is what it is.
    return value;
  }
}

function idOf(value: string | undefined): string | undefined {
  const text = textOf(value);
  return text !== undefined && ID.test(text) ? text : undefined;
}

function traceOf(value: string | undefined): string | undefined {
  const traceId = value === undefined ? undefined : TRACEPARENT.exec(value)?.[1];
  return traceId === undefined || /^0+$/.test(traceId) ? undefined : traceId;
}

function tagsOf(value: string | undefined): readonly string[] {
  if (value === undefined) return [];
  const tags = value.split(",").flatMap((tag) => idOf(tag.trim()) ?? []);
  return [...new Set(tags)].slice(0, TAGS_MAX);
}

/** Stringified again, so that what is stored is one line of valid JSON. */
function metadataOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  for (const text of [value, textOf(value) ?? ""]) {
    try {
      const metadata: unknown = JSON.parse(text);
      if (typeof metadata === "object" && metadata !== null && !Array.isArray(metadata)) {
        return JSON.stringify(metadata);
      }
    } catch {
      // Perhaps it is percent-encoded; else there is no metadata.
    }
  }
  return undefined;
}
